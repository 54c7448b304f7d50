"""What is written is what `docs/storage.md` says, and small."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.segments import spec_reader
from tests.server.segments.made import NOW_US, gathered, packs_of, plain_plan, plans, stored_packs
from tests.server.segments.worked_example import example

from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.erase import erase

TEXT = (Path(__file__).parents[3] / "docs" / "storage.md").read_text()


def documented() -> bytes:
    (block,) = re.findall(r"^```hex\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    return bytes.fromhex("".join(line.partition("#")[0] for line in block.splitlines()))


def test_the_worked_example_is_written_as_it_stands() -> None:
    assert b"".join(example()) == documented()


def test_a_reader_made_from_the_page_alone_reads_it() -> None:
    raw = documented()
    size = int.from_bytes(raw[8:12], "little")
    told = spec_reader.read_segment(raw[:size], raw[size:])
    assert told["gaps"] == [(2, 1, "discarded")]
    first, second, third = told["rows"]
    assert first == {
        "number": 1,
        "time": NOW_US,
        "values": {"temperature": 21.5, "on": True},
        "message": "first light",
    }
    assert (second["number"], second["time"], second["recorded"]) == (3, NOW_US + 1_000_000, NOW_US + 500_000)
    assert (second["values"], second["taken"], len(second["digest"])) == ({"temperature": 22.0}, {"on"}, 16)
    assert (third["values"], third["uncertain"]) == ({"temperature": 21, "state": "nil"}, True)
    assert type(third["values"]["temperature"]) is int
    assert [(pack["arrival"], pack["first"], pack["last"]) for pack in told["packs"]] == [(11, 1, 2), (14, 3, 4)]
    assert told["packs"][1]["columns"] == [("temperature", 1), ("on", 3), ("temperature", 2), ("state", 4)]
    assert told["statistics"]["temperature", 1][0]["sum"] == 43.5


@settings(max_examples=15)
@given(plans, st.data())
def test_the_reader_of_the_page_reads_whatever_is_written(plan: list[list[tuple]], data: st.DataObject) -> None:
    stored, packs = stored_packs(plan), packs_of(plan)
    segment = gathered(stored)
    hidden = {}
    if len(segment) and segment.columns:
        row = data.draw(st.integers(0, len(segment) - 1))
        hidden = {data.draw(st.integers(0, len(segment.columns) - 1)): np.array([row])}
    told = spec_reader.read_segment(*encode_segment(erase(segment, hidden)))
    rows = {row["number"]: row for row in told["rows"]}
    digests = {number: digest for pack in packs for number, digest in pack.digests()}
    commits = {commit.number: commit for pack in packs for commit in pack.commits()}
    assert rows.keys() == commits.keys()
    for number, commit in commits.items():
        row = rows[number]
        taken = row.get("taken", set())
        assert (row["time"], row.get("recorded", row["time"])) == (commit.effective_time_us, commit.time_us)
        assert (row.get("message"), row.get("uncertain", False)) == (commit.message, commit.uncertain)
        expected = {name: value for name, value in commit.values if name not in taken}
        assert [(name, type(value), str(value)) for name, value in sorted(row["values"].items())] == [
            (name, type(value), str(value)) for name, value in sorted(expected.items())
        ]
        assert row.get("digest", digests[number]) == digests[number]
        assert ("digest" in row) == bool(taken)
    assert told["gaps"] == [(gap.first, gap.count, gap.reason) for pack in packs for gap in pack.gaps]
    for before, pack, after in zip(stored, packs, told["packs"], strict=True):
        assert (after["arrival"], after["first"], after["last"]) == (before.arrival, before.first, before.last)
        assert (after["hash"], after["received"]) == (before.hash[:8], before.received_us)
        assert (after["offset"], after["key"]) == (before.clock_offset_us, before.key_id)
        assert after["columns"] == [(column.field_id, column.kind) for column in pack.columns]


def test_values_take_about_a_byte() -> None:
    rows, fields = 2_000, 10
    encoded = encode_segment(gathered(stored_packs(plain_plan(packs=2, rows=rows // 2, fields=fields))))
    assert sum(map(len, encoded)) < 1.3 * rows * fields
    # Columns that change seldom, as most do, take next to nothing.
    steady = [
        [(NOW_US + 1_000_000 * n, (("on", True), ("mode", "eco"), ("n", n)), None, 0, False) for n in range(rows)]
    ]
    assert sum(map(len, encode_segment(gathered(stored_packs(steady))))) < rows
