from __future__ import annotations

from tests.cli.running import API_KEY, nikdev


def test_for_a_person(alone):
    alone.commit("t=1")
    nikdev("add", "door=true", "temp=21.5")
    out = nikdev("status").out
    assert f"Device {alone.device_id} at {alone.url}" in out
    assert "  door = true\n  temp = 21.5\n" in out
    assert "1 commit not pushed yet, the oldest of 20" in out
    assert API_KEY not in out


def test_when_all_is_done(alone):
    assert nikdev("status").out.splitlines()[1:] == ["Nothing is staged.", "Nothing waits to be pushed."]


def test_for_a_program(alone):
    number = alone.commit("t=1")
    nikdev("add", "door=true")
    found = nikdev("status", "--json").json
    assert (found["staged"], found["staged_values"], found["unpushed"], found["rejected"]) == (1, {"door": True}, 1, 0)
    entry = nikdev("show", number, "--json").json
    assert (found["oldest_unpushed_us"], found["origin"]) == (entry["time_us"], entry["origin"])
    assert found["folder"] == str(alone.folder / ".nikdev")
    assert found["size_bytes"] > 0
    assert API_KEY not in str(found)
