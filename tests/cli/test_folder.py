from __future__ import annotations

import os
import stat

import pytest
from tests.cli.running import API_KEY, DEVICE_ID

from nikdev_iot.cli.folder import CONFIG_NAME, DeviceFolder, find_folder, open_folder, read_config, write_config
from nikdev_iot.model.errors import ConfigError

SETTINGS = {"url": "http://127.0.0.1:1/api/v1/", "device": DEVICE_ID, "key": API_KEY}


def test_found_here_and_from_below(tmp_path):
    write_config(tmp_path / ".nikdev", SETTINGS)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_folder(tmp_path, environ={}) == tmp_path / ".nikdev"
    assert find_folder(below, environ={}) == tmp_path / ".nikdev"


def test_the_nearest_counts(tmp_path):
    write_config(tmp_path / ".nikdev", SETTINGS)
    write_config(tmp_path / "a" / ".nikdev", SETTINGS)
    assert find_folder(tmp_path / "a", environ={}) == tmp_path / "a" / ".nikdev"


def test_none_above(tmp_path):
    with pytest.raises(ConfigError, match=r"no device's folder.*nikdev init"):
        find_folder(tmp_path, environ={})


def test_the_environment_names_it_or_the_folder_around_it(tmp_path):
    write_config(tmp_path / "x" / ".nikdev", SETTINGS)
    for named in (tmp_path / "x" / ".nikdev", tmp_path / "x"):
        assert find_folder(tmp_path, environ={"NIKDEV_DIR": str(named)}) == tmp_path / "x" / ".nikdev"


def test_the_environment_wins_and_is_not_guessed_around(tmp_path):
    write_config(tmp_path / ".nikdev", SETTINGS)
    with pytest.raises(ConfigError, match="NIKDEV_DIR names"):
        find_folder(tmp_path, environ={"NIKDEV_DIR": str(tmp_path / "elsewhere")})


def test_what_is_found_must_be_ones_own(tmp_path, monkeypatch):
    folder = tmp_path / ".nikdev"
    write_config(folder, SETTINGS)
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1, raising=False)
    with pytest.raises(ConfigError, match=rf"belongs to another user.*NIKDEV_DIR={folder}"):
        find_folder(tmp_path / "a", environ={})
    assert find_folder(tmp_path, environ={"NIKDEV_DIR": str(folder)}) == folder
    with pytest.raises(ConfigError, match="belongs to another user"):
        find_folder(tmp_path, environ={"SUDO_UID": str(owner)})  # that only root is given


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_root_may_use_what_belongs_to_who_called_sudo(tmp_path):
    folder = tmp_path / ".nikdev"
    write_config(folder, SETTINGS)
    os.chown(folder / CONFIG_NAME, 4242, 4242)
    with pytest.raises(ConfigError, match=r"config\.json belongs to another user"):
        find_folder(tmp_path, environ={})
    os.chown(folder, 4242, 4242)
    assert find_folder(tmp_path, environ={"SUDO_UID": "4242"}) == folder
    with pytest.raises(ConfigError, match="belongs to another user"):
        find_folder(tmp_path, environ={"SUDO_UID": "4243"})


def test_written_for_its_owner_alone_and_kept_out_of_git(tmp_path):
    folder = tmp_path / ".nikdev"
    write_config(folder, SETTINGS)
    assert stat.S_IMODE((folder / CONFIG_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "*" in (folder / ".gitignore").read_text().splitlines()
    assert read_config(folder / CONFIG_NAME) == SETTINGS
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", CONFIG_NAME]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"urll": "x"}', 'unknown setting "urll"'),
    ],
)
def test_settings_that_cannot_be_read(tmp_path, text, problem):
    (tmp_path / CONFIG_NAME).write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_config(tmp_path / CONFIG_NAME)


def test_a_setting_that_cannot_be_used(tmp_path):
    with pytest.raises(ConfigError, match="requestTimeout"):
        DeviceFolder(tmp_path, {**SETTINGS, "timeout": -1}).client_config()


def test_settings_reach_the_client_and_the_journal_lies_in_the_folder(tmp_path):
    folder = tmp_path / ".nikdev"
    write_config(folder, {**SETTINGS, "timeout": 3, "durability": "normal"})
    found = open_folder()
    config = found.client_config()
    assert (config.base_url, config.device_id, config.api_key) == tuple(SETTINGS.values())
    assert (config.request_timeout_s, config.durability) == (3.0, "normal")
    with found.open_journal() as journal:
        assert journal.path.parent == folder
    assert API_KEY not in repr(found)
