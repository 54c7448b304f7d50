from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.running import nikdev, nikdev_process
from tests.servers import RunningServer


def test_the_queue_goes_to_the_server(device):
    for number in range(3):
        device.commit(f"t={number}")
    done = nikdev("push")
    assert done.code == 0
    assert done.out.startswith("Pushed 3 commits in ")
    assert done.err == ""
    assert nikdev("status", "--json").json["unpushed"] == 0
    assert nikdev("push").out == "Nothing waits to be pushed.\n"


def test_for_a_program(device):
    device.commit("t=1")
    done = nikdev("push", "--json").json
    assert (done["pushed"], done["rejected"], done["packs"]) == (1, 0, 1)
    assert done["bytes_sent"] > 0
    assert nikdev("push", "--json").json == {"pushed": 0, "rejected": 0, "packs": 0, "bytes_sent": 0, "notices": []}


def test_without_a_server_everything_stays_queued(alone):
    alone.commit("t=1")
    done = nikdev("push", "--json")
    assert done.code == 6
    assert done.error["code"] == "unreachable"
    assert "1 commit is still queued" in done.error["hint"]
    assert nikdev("status", "--json").json["unpushed"] == 1


def test_a_key_that_is_refused_sets_the_commits_aside(own_server: RunningServer, tmp_path):
    made = own_server.new_device(write=False)
    nikdev("init", "--url", own_server.url, "--device", made.device_id, "--key", made.api_key)
    nikdev("add", "t=1")
    nikdev("commit")
    done = nikdev("push")
    assert done.code == 7
    assert "`nikdev rejected --restore`" in done.err
    listed = nikdev("rejected", "--json").json["rejected"]
    assert [item["number"] for item in listed] == [1]
    good = own_server.add_key(made.device_id)
    nikdev("init", "--force", "--url", own_server.url, "--device", made.device_id, "--key", good.api_key)
    assert nikdev("rejected", "--restore", "--json").json == {"restored": 1}
    assert nikdev("push", "--json").json["pushed"] == 1


def test_a_commit_that_the_server_judges_invalid(own_server: RunningServer):
    made = own_server.add_key(own_server.add_device(own_server.add_account(), accepts_new_fields=False))
    nikdev("init", "--url", own_server.url, "--device", made.device_id, "--key", made.api_key)
    nikdev("add", "t=1")
    nikdev("commit")
    done = nikdev("push")
    assert done.code == 0
    assert "The server refused 1 commit, set aside here with the reason: nikdev rejected" in done.out
    assert "Nothing waits" not in done.out


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_outside_a_device_s_folder(words):
    assert nikdev("push", *words).code == 3


def test_a_notice_is_told_once(device):
    device.commit("t=1")
    copy = Path(str(device.folder) + "-copy")
    shutil.copytree(device.folder, copy)
    device.commit("t=2")
    assert nikdev("push").code == 0
    done = nikdev_process("push", NIKDEV_DIR=str(copy))
    assert done.code == 0
    assert "Note: Another copy of this journal has pushed" in done.out
    assert done.err == ""


def test_what_is_logged_in_between_is_told(device):
    device.commit("t=1")
    path = Path(nikdev("status", "--json").json["journal"])
    path.write_bytes(b"")
    done = nikdev_process("push", "--json", cwd=device.folder)
    assert done.json["notices"] == []
    assert done.err.count("was empty") == 1
