from __future__ import annotations

from tests.cli.running import API_KEY, DEVICE_ID, NOWHERE, nikdev

from nikdev_iot.cli.folder import open_folder


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


def test_with_a_storage_limit(tmp_path):
    _fill_to_the_limit()
    found = nikdev("status", "--json").json
    assert (found["limit_bytes"], found["policy"]) == (1_000_000, "drop-oldest")
    assert found["dropped"] == found["dropped_values"] > 0
    assert found["size_bytes"] <= 1_000_000
    out = nikdev("status").out
    assert f"{found['dropped']} commits ({found['dropped']} values) dropped at the storage limit" in out
    assert "of 1,000,000 bytes; then: drop-oldest." in out


def test_log_and_show_say_what_became_of_those_that_are_gone(tmp_path):
    _fill_to_the_limit()
    dropped = nikdev("status", "--json").json["dropped"]
    (gone,) = nikdev("log", "-n", 1000, "--json").json["gone"]
    assert (gone["first_id"], gone["last_id"], gone["count"], gone["fate"]) == (1, dropped, dropped, "dropped")
    assert f"{dropped} commits dropped before the server had them" in nikdev("log", "-n", 1000).out
    assert "dropped" not in nikdev("log", "-n", 5).out
    done = nikdev("show", 1)
    assert done.code == 4
    assert "Commit 1 is no longer in this journal: dropped before the server had it, which is told so" in done.err
    assert "storage limit of 1000000 bytes reached, dropped, oldest first" in done.err


def _fill_to_the_limit():
    limit = ("--storage-limit", 1_000_000, "--storage-policy", "drop-oldest")
    assert nikdev("init", "--url", NOWHERE, "--device", DEVICE_ID, "--key", API_KEY, *limit).code == 0
    folder = open_folder()
    with folder.open_journal() as journal:
        for number in range(150):
            journal.commit({"t": f"{number:8000}"})
