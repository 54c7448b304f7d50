from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path

from nikdev_iot.cli.importing.rows import FieldTally, LineNote, Tally
from nikdev_iot.cli.importing.summary import print_summary, summary_json
from nikdev_iot.journal.records import BulkReceipt
from nikdev_iot.model.values import Kind

RECEIPT = BulkReceipt(11, 13, 3, uuid.UUID(int=7))


def _tally():
    return Tally(
        rows=20,
        commits=3,
        values=5,
        blank=2,
        without_values=4,
        elsewhere=1,
        bad=12,
        problems=[LineNote(7, "has no time")],
        never=1,
        never_lines=[LineNote(9, "2025-03-30 02:30")],
        like_missing=Counter({"-200.0": 6}),
        first_us=0,
        last_us=1_000_000,
        fields={"temp": FieldTally(Counter({Kind.FLOAT: 3, Kind.INT: 2}), empty=8, missing=9)},
    )


def test_for_a_program():
    found = summary_json(Path("x/y.csv"), _tally(), RECEIPT)
    assert (found["imported"], found["first"], found["last"], found["origin"]) == (3, 11, 13, str(uuid.UUID(int=7)))
    assert found["skipped"] == {"blank": 2, "without_values": 4, "where": 1, "bad": 12}
    assert found["fields"] == {"temp": {"values": 5, "kinds": {"float": 3, "int": 2}, "empty": 8, "missing": 9}}
    assert found["bad_rows"] == [{"line": 7, "item": None, "problem": "has no time"}]
    assert found["times_that_never_were"]["count"] == 1
    assert found["like_missing"] == {"-200.0": 6}


def test_for_a_program_without_commits():
    assert summary_json(Path("y"), Tally(), BulkReceipt(0, 0, 0, RECEIPT.origin))["first"] is None
    assert summary_json(Path("y"), Tally(), None)["imported"] == 0


def test_for_a_person(capsys):
    print_summary(Path("x/y.csv"), _tally(), RECEIPT)
    out = capsys.readouterr().out
    assert "y.csv: 3 commits (11 to 13) of 20 rows, from 1970-01-01T00:00:00Z to 1970-01-01T00:00:01Z." in out
    assert "3 float, 2 int" in out
    assert "Rows skipped: 2 blank, 4 without values, 1 left out by --where, 12 bad." in out
    assert "line 7: has no time" in out
    assert "and 2 more" in out
    assert "6 cells with -200.0" in out
    assert "line 9: 2025-03-30 02:30" in out


def test_a_dry_run_says_so(capsys):
    print_summary(Path("y.csv"), _tally(), None)
    assert "would be made" in capsys.readouterr().out
