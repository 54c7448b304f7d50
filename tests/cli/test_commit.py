from __future__ import annotations

import time

import pytest
from tests.cli.running import nikdev, nikdev_process


def test_a_commit_has_a_receipt(alone):
    nikdev("add", "t=1", "u=2")
    before_us = time.time_ns() // 1000
    done = nikdev("commit", "-m", "a note", "--json")
    assert done.code == 0
    assert set(done.json) == {"number", "origin", "time_us"}
    assert done.json["number"] == 1
    assert before_us <= done.json["time_us"] <= time.time_ns() // 1000
    assert nikdev("show", 1, "--json").json["message"] == "a note"
    assert nikdev("status", "--json").json["staged"] == 0


def test_for_a_person(alone):
    nikdev("add", "t=1", "u=2")
    assert nikdev("commit", "--time", "2026-01-01T01:00:00+01:00").out == "Commit 1 at 2026-01-01T00:00:00Z: 2 values\n"


def test_nothing_staged_is_no_commit_and_no_error(alone):
    done = nikdev("commit")
    assert done.code == 0
    assert "nothing was committed" in done.out
    assert nikdev("commit", "--json").json == {"number": None, "origin": None, "time_us": None}
    assert nikdev("log", "--json").json == {"commits": [], "gone": []}


@pytest.mark.parametrize("when", ["2026-01-01T00:00:00", "noon"])
def test_a_time_that_is_none_leaves_the_values_staged(alone, when):
    nikdev("add", "t=1")
    assert nikdev("commit", "--time", when).code == 4
    assert nikdev("status", "--json").json["staged_values"] == {"t": 1}


def test_across_processes(alone):
    for number in range(3):
        assert nikdev_process("add", f"t={number}", cwd=alone.folder).code == 0
        assert nikdev_process("commit", "--json", cwd=alone.folder).json["number"] == number + 1
