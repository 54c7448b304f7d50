from __future__ import annotations

import json
import stat

import pytest
from tests.cli.running import API_KEY, DEVICE_ID, nikdev

OTHER_KEY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER_DEVICE = "16fd2706-8baf-433b-82eb-8c7fada847da"


def _init(*more, device=DEVICE_ID, key=API_KEY, url="http://127.0.0.1:8321/api/v1/"):
    return nikdev("init", "--url", url, "--device", device, "--key", key, *more)


def _settings(folder):
    return json.loads((folder / ".nikdev" / "config.json").read_text())


def test_it_makes_the_folder(tmp_path):
    done = _init()
    assert done.code == 0
    assert API_KEY not in done.out
    assert _settings(tmp_path) == {"url": "http://127.0.0.1:8321/api/v1/", "device": DEVICE_ID, "key": API_KEY}
    assert stat.S_IMODE((tmp_path / ".nikdev" / "config.json").stat().st_mode) == 0o600


def test_again_is_refused_and_changes_nothing(tmp_path):
    _init()
    done = _init(key=OTHER_KEY)
    assert done.code == 3
    assert "--force" in done.err
    assert _settings(tmp_path)["key"] == API_KEY


def test_with_force_the_key_is_new_and_the_journal_kept(tmp_path):
    _init()
    assert nikdev("add", "t=1").code == 0
    assert nikdev("commit").code == 0
    assert nikdev("add", "t=2").code == 0
    assert _init("--force", key=OTHER_KEY).code == 0
    status = nikdev("status", "--json").json
    assert (status["staged_values"], status["unpushed"]) == ({"t": 2}, 1)
    assert _settings(tmp_path)["key"] == OTHER_KEY


def test_another_device_gets_a_journal_of_its_own(tmp_path):
    _init()
    assert nikdev("add", "t=1").code == 0
    assert _init("--force", device=OTHER_DEVICE).code == 0
    assert nikdev("status", "--json").json["staged"] == 0
    assert _init("--force").code == 0
    assert nikdev("status", "--json").json["staged"] == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:8321", "http://127.0.0.1:8321/"])
def test_an_address_without_a_path_gets_the_usual_one(tmp_path, url):
    assert _init(url=url).code == 0
    assert _settings(tmp_path)["url"] == "http://127.0.0.1:8321/api/v1/"


def test_a_path_is_kept(tmp_path):
    assert _init(url="https://example.org/iot/api/v1").code == 0
    assert _settings(tmp_path)["url"] == "https://example.org/iot/api/v1/"


def test_the_address_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NIKDEV_URL", "http://127.0.0.1:1234/api/v1/")
    assert nikdev("init", "--device", DEVICE_ID, "--key", API_KEY).code == 0
    assert _settings(tmp_path)["url"] == "http://127.0.0.1:1234/api/v1/"


def test_the_default_address(tmp_path):
    assert nikdev("init", "--device", DEVICE_ID, "--key", API_KEY).code == 0
    assert _settings(tmp_path)["url"] == "http://127.0.0.1:8321/api/v1/"


def test_ids_in_capitals_are_the_same_ids(tmp_path):
    assert _init(device=DEVICE_ID.upper(), key=f" {API_KEY.upper()}\n").code == 0
    assert _settings(tmp_path)["device"] == DEVICE_ID
    assert _settings(tmp_path)["key"] == API_KEY


def test_the_key_from_stdin(tmp_path):
    assert nikdev("init", "--device", DEVICE_ID, "--key-stdin", stdin=f"{API_KEY}\n").code == 0
    assert _settings(tmp_path)["key"] == API_KEY


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"key": "no key"}, 3), ({"device": "greenhouse"}, 3), ({"url": "ftp://x"}, 3), ({"url": "http://"}, 3)],
)
def test_what_cannot_be_right_leaves_no_folder(tmp_path, changed, code):
    done = _init(**changed)
    assert done.code == code
    assert not (tmp_path / ".nikdev").exists()
    assert "no key" not in done.err


def test_the_environment_says_where(tmp_path, monkeypatch):
    monkeypatch.setenv("NIKDEV_DIR", str(tmp_path / "elsewhere"))
    done = _init("--json")
    assert done.json["folder"] == str(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "config.json").exists()
    assert nikdev("status").code == 0


def test_json():
    done = _init("--json").json
    assert set(done) == {"folder", "url", "device_id", "journal", "origin", "left_behind"}
    assert (done["device_id"], done["left_behind"]) == (DEVICE_ID, "")


def test_a_wrong_address_is_blamed_on_who_gave_it(tmp_path, monkeypatch):
    done = _init(url="127.0.0.1:8321")
    assert done.code == 3
    assert "The --url" in done.err
    assert "config.json" not in done.err
    assert not (tmp_path / ".nikdev").exists()
    monkeypatch.setenv("NIKDEV_URL", "127.0.0.1:8321")
    done = nikdev("init", "--device", DEVICE_ID, "--key", API_KEY)
    assert "The environment's NIKDEV_URL" in done.err


def test_what_waits_of_the_device_before_is_told(tmp_path):
    _init()
    assert "Note:" not in _init("--force", device=OTHER_DEVICE).out
    assert _init("--force").code == 0
    for number in range(2):
        nikdev("add", f"t={number}")
        nikdev("commit")
    nikdev("add", "t=1")
    assert "Note:" not in _init("--force", key=OTHER_KEY).out
    done = _init("--force", device=OTHER_DEVICE)
    assert "2 commits unpushed, 1 staged value" in done.out
    assert f"--device {DEVICE_ID}" in done.out
    assert (tmp_path / ".nikdev" / f"nikdev-{DEVICE_ID}.db").exists()
