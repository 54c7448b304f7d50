from __future__ import annotations

from tests.cli.running import nikdev


def test_newest_first(alone):
    for number in range(5):
        alone.commit(f"t={number}", message=f"number {number}" if number % 2 else None)
    commits = nikdev("log", "--json").json["commits"]
    assert [entry["number"] for entry in commits] == [5, 4, 3, 2, 1]
    assert [entry["message"] for entry in commits] == [None, "number 3", None, "number 1", None]
    assert {entry["state"] for entry in commits} == {"unpushed"}
    assert "values" not in commits[0]


def test_page_by_page(alone):
    for number in range(5):
        alone.commit(f"t={number}")
    first = nikdev("log", "-n", "2", "--json").json["commits"]
    rest = nikdev("log", "-n", "9", "--before", first[-1]["id"], "--json").json["commits"]
    assert [entry["number"] for entry in first + rest] == [5, 4, 3, 2, 1]


def test_for_a_person(alone):
    assert nikdev("log").out == "No commits yet.\n"
    alone.commit("t=1", "u=2", message="a note")
    (line,) = nikdev("log").out.splitlines()
    assert line.split()[0] == "1"
    assert line.endswith("unpushed      2 values  a note")
