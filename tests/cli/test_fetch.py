from __future__ import annotations

import csv
import io
import json

import pytest
from tests.cli.running import nikdev

TIMES = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z", "2026-01-01T00:00:30Z", "2026-01-01T00:01:10Z")


@pytest.fixture
def filled(device):
    for number, time in enumerate(TIMES):
        nikdev("add", f"n={number}", *(('note=a "b", c', "x=1.5") if number == 1 else ()))
        assert nikdev("commit", "--time", time).code == 0
    assert nikdev("push").code == 0
    return device


def test_csv_has_a_line_per_commit_and_all_fields(filled):
    done = nikdev("fetch")
    lines = list(csv.reader(io.StringIO(done.out)))
    assert lines[0][0] == "time"
    assert set(lines[0][1:]) == {"n", "note", "x"}
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [row["n"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[1] == {"time": "2026-01-01T00:00:30.000000Z", "n": "1", "note": 'a "b", c', "x": "1.5"}
    assert rows[2]["note"] == ""


def test_fields_in_the_order_asked_for(filled):
    assert nikdev("fetch", "x", "n").out.splitlines()[:2] == ["time,x,n", "2026-01-01T00:00:00.000000Z,,0"]


def test_json_has_times_and_values_per_field(filled):
    for words in (("--json",), ("--format", "json")):
        found = nikdev("fetch", *words).json["fields"]
        assert found["n"]["values"] == [0, 1, 2, 3]
        assert found["x"] == {"times_us": [1_767_225_630_000_000], "values": [1.5]}
        assert found["n"]["times_us"][1] == found["n"]["times_us"][2]


def test_json_lines_have_a_commit_each(filled):
    lines = [json.loads(line) for line in nikdev("fetch", "--format", "jsonl").out.splitlines()]
    assert [line["values"]["n"] for line in lines] == [0, 1, 2, 3]
    assert lines[1]["values"]["note"] == 'a "b", c'


def test_a_stretch_of_time(filled):
    out = nikdev("fetch", "n", "--start", TIMES[1], "--end", TIMES[3]).out
    assert [line.partition(",")[2] for line in out.splitlines()] == ["n", "1", "2"]


def test_buckets(filled):
    out = nikdev("fetch", "n", "--every", "1m", "--aggregate", "max").out
    assert out.splitlines() == ["time,n", "2026-01-01T00:00:00.000000Z,2", "2026-01-01T00:01:00.000000Z,3"]
    assert nikdev("fetch", "n", "--every", "1m", "--json").json["fields"]["n"]["values"] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("humidity",), 8),
        (("--start", "2026-01-01T00:00:00"), 4),
        (("--every", "often"), 4),
        (("--aggregate", "max"), 4),
        (("--aggregate", "median", "--every", "1m"), 2),
        (("a/b",), 4),
    ],
)
def test_what_cannot_be_asked_prints_nothing(filled, words, code):
    done = nikdev("fetch", *words)
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("nikdev: ")


def test_a_device_without_anything(device):
    assert nikdev("fetch").out == "time\n"
    assert nikdev("fetch", "--json").json == {"fields": {}}


def test_an_export_comes_back_as_it_was(filled):
    (filled.folder / "x.csv").write_text(nikdev("fetch", "n", "x").out)
    done = nikdev("import", "x.csv", "--time", "time", "--json")
    assert (done.json["imported"], done.json["values"]) == (4, 5)
    newest = nikdev("show", done.json["first"] + 1, "--json").json
    assert newest["values"] == {"n": 1, "x": 1.5}
    assert newest["time_us"] == 1_767_225_630_000_000
