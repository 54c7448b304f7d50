from __future__ import annotations

import pytest
from tests.cli.running import API_KEY, DEVICE_ID, nikdev

from nikdev_iot.cli.doctor import _CODES
from nikdev_iot.cli.folder import open_folder
from nikdev_iot.client.connection import STEPS


def test_all_is_well(device):
    done = nikdev("doctor")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["✓"] * len(STEPS)
    found = nikdev("doctor", "--json").json
    assert found["ok"] is found["can_read"] is found["can_write"] is True
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert abs(found["clock_offset_s"]) < 60


def test_no_server(alone):
    done = nikdev("doctor")
    assert done.code == 6
    assert "✓ configuration" in done.out
    assert "✗ reach" in done.out
    assert "– server         not tried, because of 'reach'\n– clock " in done.out
    assert "baseUrl" not in done.out
    assert nikdev("doctor", "--json").json["ok"] is False


def test_a_key_that_the_server_does_not_know(server):
    nikdev("init", "--url", server.url, "--device", DEVICE_ID, "--key", API_KEY)
    done = nikdev("doctor")
    assert done.code == 7
    assert "✓ server" in done.out
    assert "✗ key" in done.out


def test_something_else_than_a_nikdev_server(server):
    nikdev("init", "--url", f"{server.url}/elsewhere/", "--device", DEVICE_ID, "--key", API_KEY)
    assert nikdev("doctor").code == 8


def test_a_key_that_can_only_read_is_well_enough(server):
    made = server.new_device(write=False)
    nikdev("init", "--url", server.url, "--device", made.device_id, "--key", made.api_key)
    done = nikdev("doctor")
    assert done.code == 0
    assert "– write          this key has no write access; `nikdev push` needs one that has it\n" in done.out


def test_a_key_that_cannot_push_what_waits_is_not(server):
    made = server.new_device(write=False)
    nikdev("init", "--url", server.url, "--device", made.device_id, "--key", made.api_key)
    nikdev("add", "t=1")
    nikdev("commit")
    assert nikdev("push").code == 7
    done = nikdev("doctor")
    assert done.code == 7
    assert "✗ write" in done.out
    assert "then `nikdev rejected --restore` and `nikdev push`." in done.out
    assert nikdev("doctor", "--json").json["ok"] is False


def test_commits_that_were_set_aside_are_told(alone):
    alone.commit("t=1")
    with open_folder().open_journal() as journal:
        journal.set_all_unpushed_rejected("for a test")
    assert "`nikdev rejected`" in nikdev("doctor").out


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_an_exit_code(step):
    assert _CODES[step] != 0
