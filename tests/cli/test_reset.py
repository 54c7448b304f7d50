from __future__ import annotations

from tests.cli.running import nikdev


def test_staged_values_are_dropped_and_commits_stay(alone):
    alone.commit("t=1")
    nikdev("add", "a=1", "b=2")
    assert nikdev("reset", "--json").json == {"dropped_values": 2, "discarded_commits": 0}
    found = nikdev("status", "--json").json
    assert (found["staged"], found["unpushed"]) == (0, 1)
    assert nikdev("reset").out == "0 staged values dropped.\n"


def test_unpushed_commits_are_thrown_away_when_asked_for(alone):
    alone.commit("t=1")
    alone.commit("t=2")
    nikdev("add", "a=1")
    assert nikdev("reset", "--unpushed", "--yes").out == "2 commits thrown away.\n"
    found = nikdev("status", "--json").json
    assert (found["staged"], found["unpushed"]) == (1, 0)


def test_nothing_is_thrown_away_where_nobody_can_be_asked(alone):
    alone.commit("t=1")
    done = nikdev("reset", "--unpushed")
    assert done.code == 2
    assert "nothing was. Give --yes" in done.err
    assert nikdev("reset", "--unpushed", "--json").code == 2
    assert nikdev("status", "--json").json["unpushed"] == 1


def test_what_follows_is_still_pushed(device):
    device.commit("t=1")
    nikdev("reset", "--unpushed", "--yes")
    device.commit("t=2")
    assert nikdev("push", "--json").json["pushed"] == 1
    assert nikdev("fetch", "t", "--json").json["fields"]["t"]["values"] == [2]
