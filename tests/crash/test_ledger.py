"""What the crash suite must notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .ledger import Ledger, compare, exact

ORIGIN = "o"
VALUES = {"token": "", "f": 21.0, "n": 21, "z": -0.0, "on": True, "t": "é"}


def lines(count: int) -> list[dict[str, Any]]:
    printed = []
    for number in range(1, count + 1):
        token = f"1/{number}"
        printed += [
            {"token": token, "values": {**VALUES, "token": token}, "message": None, "time_us": None},
            {"receipt": token, "number": number, "origin": ORIGIN, "time_us": number * 10},
        ]
    return printed


def stored(count: int) -> list[dict[str, Any]]:
    return [
        {
            "type": "commit",
            "origin": ORIGIN,
            "number": number,
            "time_us": number * 10,
            "message": None,
            "values": {**VALUES, "token": f"1/{number}"},
        }
        for number in range(1, count + 1)
    ]


def read(path: Path, printed: list[dict[str, Any]], tail: str = "") -> Ledger:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in printed) + tail)
    return Ledger.read(path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three commits with receipts, and a fourth whose receipt a kill has cut in two."""
    printed = lines(4)
    cut = json.dumps(printed.pop())[:20]
    return read(tmp_path / "receipts", printed, cut)


@pytest.mark.parametrize("count", [3, 4])
def test_all_is_well_with_or_without_the_commit_that_has_no_receipt(ledger: Ledger, count: int) -> None:
    assert (ledger.receipts, len(ledger.commits)) == (3, 4)
    assert compare(ledger, stored(count), most_unprinted=1) == []


def test_a_lost_commit(ledger: Ledger) -> None:
    assert compare(ledger, stored(2), most_unprinted=1) == [
        "commit 1/3, number 3, is lost: its receipt was printed",
    ]


def test_a_doubled_commit(ledger: Ledger) -> None:
    twice = [*stored(3), {**stored(3)[2], "number": 4}]
    assert "commit 1/3 is there 2 times" in compare(ledger, twice, most_unprinted=1)


def test_a_commit_in_another_place(ledger: Ledger) -> None:
    one, two, three = stored(3)
    assert "not in order: 2 stands where 1 should" in " ".join(compare(ledger, [two, one, three], most_unprinted=1))


@pytest.mark.parametrize(
    ("name", "value"), [("f", 21), ("n", 21.0), ("z", 0.0), ("on", 1), ("t", "e"), ("t", None), ("new", 1)]
)
def test_an_altered_value_and_an_altered_kind(ledger: Ledger, name: str, value: object) -> None:
    found = stored(3)
    found[1]["values"][name] = value
    (wrong,) = compare(ledger, found, most_unprinted=1)
    assert wrong.startswith("commit 1/2: values is")


@pytest.mark.parametrize("change", [{"time_us": 1}, {"message": ""}, {"number": 9}, {"origin": "p"}])
def test_an_altered_receipt(ledger: Ledger, change: dict[str, Any]) -> None:
    found = stored(3)
    found[1] |= change
    assert any(f"commit 1/2: {next(iter(change))} is" in wrong for wrong in compare(ledger, found, most_unprinted=1))


def test_what_nobody_made_a_gap_another_origin_and_too_many_without_receipts(ledger: Ledger) -> None:
    strange = {**stored(4)[3], "values": {"token": "x"}}
    assert "commit x, which no device made, is there" in compare(ledger, [*stored(3), strange], most_unprinted=1)
    gap = {"type": "gap", "first": 4, "last": 5, "reason": "lost"}
    assert "numbers 4 to 5 were declared missing: lost" in compare(ledger, [*stored(3), gap], most_unprinted=1)
    other = {**stored(4)[3], "origin": "p", "number": 1}
    assert "there are 2 origins of one journal" in compare(ledger, [*stored(3), other], most_unprinted=1)
    assert compare(ledger, stored(4), most_unprinted=0) == [
        "1 commits are there whose receipts were not printed, with 0 kills"
    ]


def test_pushes_that_set_commits_aside_and_notices_are_complained_of(tmp_path: Path) -> None:
    said = [
        {"pushed": 3, "notices": []},
        {"pushed": 3, "notices": ["set back"]},
        {"failed": "no network", "retained": True},
        {"failed": "refused", "retained": False},
    ]
    ledger = read(tmp_path / "receipts", said)
    assert (ledger.pushes, ledger.failed_pushes) == (2, 2)
    full = [lines(1)[0], {"full": "1/1"}]
    assert read(tmp_path / "receipts", full).commits == {}
    assert ledger.complaints == ["a push told: set back", "a push set commits aside: refused"]


def test_kinds_and_bits_count() -> None:
    assert exact(21) != exact(21.0)
    assert exact(True) != exact(1)
    assert exact(0.0) != exact(-0.0)
    assert exact(0.1) == exact(float("0.1"))
