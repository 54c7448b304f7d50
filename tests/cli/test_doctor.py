from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.running import API_KEY, DEVICE_ID, nikdev
from tests.client.networks import http, json_reply, listening, replying, scripted, url_of

from nikdev_iot.cli.doctor import _CODES
from nikdev_iot.cli.folder import open_folder
from nikdev_iot.client.connection import STEPS, Cause

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text()
SECTION = PAGE.partition("### nikdev doctor\n")[2].partition("\n### ")[0]


def lines(out: str) -> dict[str, str]:
    """Return the line of each step."""
    return {line[13:26].strip(): line for line in out.splitlines() if line[0] != " " and line[26:28] == "  "}


def init(url: str, device_id: str = DEVICE_ID, key: str = API_KEY) -> None:
    assert nikdev("init", "--url", url, "--device", device_id, "--key", key).code == 0


def checked(code: int, first: str | None) -> str:
    """Run it both ways; return what a person sees."""
    done, read = nikdev("doctor"), nikdev("doctor", "--json")
    assert (done.code, read.code, done.err, read.err) == (code, code, "", "")
    found = read.json
    assert found["exit_code"] == code
    assert found["ok"] is (code == 0)
    assert [step["name"] for step in found["steps"]] == list(STEPS) == list(lines(done.out))
    failed = [step["name"] for step in found["steps"] if step["state"] == "failed"]
    assert failed[:1] == ([first] if first else [])
    for step in found["steps"]:
        assert set(step) == {"name", "ok", "state", "note", "found", "todo", "cause", "details"}
        assert f" {step['state']} " in lines(done.out)[step["name"]]
        assert all(f'"{key}"' in SECTION for key in step["details"]), step
    assert "baseUrl" not in done.out + read.out  # the words are those of the command line
    assert API_KEY not in done.out + read.out
    assert done.out.splitlines()[-1].startswith(f"See to '{first}' first" if first else ("All is well.", "It works."))
    return done.out


def test_all_is_well(device):
    out = checked(0, None)
    assert [lines(out)[name][0] for name in STEPS] == ["–" if name in {"dns", "tls"} else "✓" for name in STEPS]
    found = nikdev("doctor", "--json").json
    assert found["ok"] is found["can_read"] is found["can_write"] is True
    assert abs(found["clock_offset_s"]) < 60
    assert out.endswith("\nAll is well.\n")


def test_no_server(alone):
    out = checked(6, "tcp")
    assert lines(out)["tcp"].startswith("✗ failed     tcp ")
    assert lines(out)["server"] == "– not tried  server         because of 'tcp'"
    assert lines(out)["disk"].startswith("✓ ok ")
    assert "→ Check host and port in the url in .nikdev/config.json, and that the server is running." in out
    assert out.endswith("See to 'tcp' first: 8 steps wait for it. What was committed is kept. (Exit code 6.)\n")


def test_a_key_that_the_server_does_not_know(server):
    init(server.url)
    out = checked(7, "device")
    assert f"device in .nikdev/config.json (here {DEVICE_ID})" in out


def test_something_else_than_a_nikdev_server(server):
    init(f"{server.url}/elsewhere/")
    out = checked(8, "server")
    assert f"→ Set the url in .nikdev/config.json to {server.api_url}" in out


def test_a_key_that_can_only_read_is_well_enough(server):
    made = server.new_device(write=False)
    init(server.url, made.device_id, made.api_key)
    assert lines(checked(0, None))["write"].endswith(
        "this key has no write access; `nikdev push` needs one that has it"
    )


def test_a_key_that_cannot_push_what_waits_is_not(server):
    made = server.new_device(write=False)
    init(server.url, made.device_id, made.api_key)
    nikdev("add", "t=1")
    nikdev("commit")
    assert nikdev("push").code == 7
    assert "then `nikdev rejected --restore` and `nikdev push`." in checked(7, "write")


def test_a_clock_that_is_wrong(tmp_path):
    with scripted(lambda _: json_reply(200, {"name": "nikdev-iot", "server_time_us": 1_800_000_000_000_000})) as port:
        init(url_of(port))
        assert "clock is" in checked(10, "clock")


def test_a_server_that_cannot_now(tmp_path):
    with listening(replying(http("503 Busy", '{"message": "The store is locked."}'))) as port:
        init(url_of(port))
        assert "The store is locked." in checked(6, "server")


def test_a_journal_that_is_none(device):
    (path,) = (device.folder / ".nikdev").glob("nikdev-*.db")
    for beside in (device.folder / ".nikdev").glob("nikdev-*.db-*"):
        beside.unlink()
    path.write_text("this is no journal " * 1000)
    out = checked(5, "journal")
    assert lines(out)["queue"] == "– not tried  queue          because of 'journal'"
    assert path.read_text().startswith("this is no journal")  # it was looked at, and left alone


def test_commits_that_were_set_aside_are_told(device):
    device.commit("t=1")
    with open_folder().open_journal() as journal:
        journal.set_all_unpushed_rejected("for a test")
    out = checked(0, None)
    assert lines(out)["queue"].startswith("! warning ")
    assert "`nikdev rejected` says why" in out
    assert out.endswith("It works. Something should be done about queue.\n")


# -- the file with the settings -----------------------------------------------------------------------


def test_no_folder(tmp_path):
    out = checked(3, "configuration")
    assert "there is no .nikdev/" in out
    assert "nikdev init" in out
    assert lines(out)["disk"] == "– not tried  disk           because of 'configuration'"


def test_settings_that_are_no_json(alone):
    (alone.folder / ".nikdev" / "config.json").write_text("{")
    assert "is not JSON" in checked(3, "configuration")


def test_settings_that_others_may_read(device):
    file = device.folder / ".nikdev" / "config.json"
    file.chmod(0o644)
    out = checked(0, None)
    assert lines(out)["configuration"].startswith("! warning ")
    assert f"(mode 644), and the key is in it\n{'':<28}→ chmod 600 {file}\n" in out


needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others"
)


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@needs_root
def test_settings_of_another_user(alone, monkeypatch):
    folder = alone.folder / ".nikdev"
    os.chown(folder, 12345, 12345)
    assert "belongs to another user" in checked(3, "configuration")
    monkeypatch.setenv("NIKDEV_DIR", str(folder))  # named: it is trusted
    checked(6, "tcp")


@needs_root
def test_settings_that_this_user_cannot_read_or_does_not_own(monkeypatch):
    nikdev("doctor")  # loads what it needs: another user may not even read this Python
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.chdir(folder)
        init("http://127.0.0.1:9")
        nikdev("doctor")
        monkeypatch.setenv("NIKDEV_DIR", name)
        file = folder / ".nikdev" / "config.json"
        with as_user(65_534):
            out = checked(3, "configuration")
        assert "Permission denied" in out
        file.parent.chmod(0o755)
        with as_user(65_534):
            assert f"{file} cannot be read: Permission denied." in checked(3, "configuration")
        file.chmod(0o644)
        with as_user(65_534):
            out = nikdev("doctor").out
        assert "belongs to another user, who can change where the key goes" in out


# -- what is promised -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_an_exit_code(cause):
    assert _CODES[cause] != 0
    assert cause is Cause.UNEXPECTED or re.search(rf"^\| {int(_CODES[cause])} \| `", PAGE, re.MULTILINE)


def test_the_table_of_steps_is_documented():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", SECTION, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(STEPS)
    codes = {int(code) for _, _, text in rows for code in re.findall(r"\d+", text)}
    assert codes == {int(code) for code in _CODES.values()} - {1}


@pytest.mark.parametrize("key", ["name", "ok", "state", "note", "found", "todo", "cause", "details"])
def test_the_json_of_a_step_is_documented(alone, key):
    assert f'"{key}"' in SECTION


def test_the_json_is_one_line(alone):
    out = nikdev("doctor", "--json").out
    assert out.count("\n") == 1
    assert json.loads(out)["clock_offset_s"] is None
