from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.config import DEFAULT_URL, Config
from nikdev_iot.model.errors import ConfigError

DEVICE = "0A5C7C1E-7B0C-4E4E-9D2C-2F1F3A1D0B11"
KEY = "5b0c1d7e-2f4a-4c63-8d53-9a0b6f2e7c22"


def config(**values: object) -> Config:
    return Config.from_dict(values, environ={})


def test_everything_has_a_default() -> None:
    made = Config.from_dict(None, environ={})
    assert made == Config()
    assert made.base_url == DEFAULT_URL == "http://127.0.0.1:8321/api/v1/"
    assert made.request_timeout_s == 10
    assert made.durability == "full"
    assert made.stage_uncommitted_values is True
    assert made.stage_unpushed_entries is True


def test_every_key_of_0_5_5_is_taken() -> None:
    made = config(
        baseUrl="https://iot.example.org/api/v1",
        deviceId=DEVICE,
        apiKey=KEY,
        storagePath="/var/lib/x",
        storageFilename="y.db",
        stageUncommittedValues=False,
        stageUnpushedEntries=False,
        requestTimeout=2,
    )
    assert made.base_url == "https://iot.example.org/api/v1/"
    assert made.credentials() == (DEVICE.lower(), KEY)
    assert made.journal_path() == Path("/var/lib/x/y.db")
    assert (made.stage_uncommitted_values, made.stage_unpushed_entries) == (False, False)
    assert made.request_timeout_s == 2.0
    assert made.get_value("requestTimeout") == 2.0
    assert made.get_value("nope", 7) == 7
    assert made.has_value("apiKey")
    assert not made.has_value("nope")


def test_snake_case_says_the_same() -> None:
    assert config(base_url="http://a/b", request_timeout=3) == config(baseUrl="http://a/b/", requestTimeout=3)


def test_one_value_given_twice_differently_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        config(baseUrl="http://a", base_url="http://b")


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("baseurl", "baseUrl"),
        ("deviceid", "deviceId"),
        ("api-key", "apiKey"),
        ("requestTimeOut", "requestTimeout"),
        ("storage_file_name", "storageFilename"),
        ("timeout", "requestTimeout"),
    ],
)
def test_an_unknown_key_names_the_nearest(given: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**{given: "x"})
    assert caught.value.key == given
    assert f"Did you mean {near!r}?" in str(caught.value)


def test_an_unknown_key_that_is_near_to_none_lists_all() -> None:
    with pytest.raises(ConfigError, match=r"Known are apiKey, autoPush, baseUrl"):
        config(zzzzzzzzzzzzzzz=1)


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("http://h:1/api/v1", "http://h:1/api/v1/"),
        ("http://h:1/api/v1/", "http://h:1/api/v1/"),
        ("https://h/sub/api/v1", "https://h/sub/api/v1/"),
        ("http://[::1]:8321/api/v1", "http://[::1]:8321/api/v1/"),
        ("http://127.0.0.1:8321", "http://127.0.0.1:8321/api/v1/"),
        ("http://127.0.0.1:8321/", "http://127.0.0.1:8321/api/v1/"),
        ("  http://h/x ", "http://h/x/"),
    ],
)
def test_the_url_ends_with_a_slash(url: str, becomes: str) -> None:
    assert config(baseUrl=url).base_url == becomes
    assert Config.from_dict({}, environ={"NIKDEV_URL": url}).base_url == becomes


def test_the_given_url_goes_before_the_environment() -> None:
    assert (
        Config.from_dict({"baseUrl": "http://a/"}, environ={"NIKDEV_URL": "http://b/"}).base_url == "http://a/api/v1/"
    )
    assert Config.from_dict({"baseUrl": None}, environ={"NIKDEV_URL": "http://b/x"}).base_url == "http://b/x/"


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8321", "ftp://h/", "http://", "http://h:99999/", "http://h/?a=b", "http://h/#x", "http://[::1", 7],
)
def test_a_url_that_cannot_be_used_is_refused(url: object) -> None:
    with pytest.raises(ConfigError) as caught:
        config(baseUrl=url)
    assert caught.value.key == "baseUrl"


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        config(baseUrl="http://me:sesame@h/")
    assert "sesame" not in str(caught.value)


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="NIKDEV_URL"):
        Config.from_dict({}, environ={"NIKDEV_URL": "nope"})


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e9, "10", True, [1], (1, 2)])
def test_a_timeout_that_is_none_is_refused(timeout: object) -> None:
    with pytest.raises(ConfigError, match="requestTimeout"):
        config(requestTimeout=timeout)


@given(st.floats(min_value=1e-3, max_value=86_400))
def test_any_sensible_timeout_is_taken(timeout: float) -> None:
    assert config(requestTimeout=timeout).request_timeout_s == timeout


@pytest.mark.parametrize("key", ["stageUncommittedValues", "stageUnpushedEntries"])
@pytest.mark.parametrize("value", ["yes", 2, 0.0, []])
def test_a_switch_is_true_or_false(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        config(**{key: value})


def test_durability() -> None:
    assert config(durability="normal").durability == "normal"
    with pytest.raises(ConfigError, match="'full' or 'normal'"):
        config(durability="none")


def test_a_storage_limit() -> None:
    assert (config().storage_limit_bytes, config().storage_policy) == (None, "refuse")
    for keys in (
        {"storageLimit": 5e6, "storagePolicy": "thin-out"},
        {"storage_limit": 5e6, "storage_policy": "thin-out"},
    ):
        assert (config(**keys).storage_limit_bytes, config(**keys).storage_policy) == (5_000_000, "thin-out")
    for limit in (0, 999_999, "5 MB", True, float("nan")):
        with pytest.raises(ConfigError, match="1000000 or more"):
            config(storageLimit=limit)
    with pytest.raises(ConfigError, match="'drop-oldest' or 'thin-out'"):
        config(storagePolicy="drop")


@pytest.mark.parametrize("key", ["deviceId", "apiKey"])
def test_credentials_are_looked_at_when_they_are_needed(key: str) -> None:
    good = {"deviceId": DEVICE, "apiKey": KEY}
    for bad in (None, "", "not-a-uuid", KEY + "0"):
        made = config(**{**good, key: bad})  # no error yet, as in 0.5.5
        with pytest.raises(ConfigError) as caught:
            made.credentials()
        assert caught.value.key == key
        assert caught.value.hint
        assert not bad or bad not in str(caught.value)  # it may be a secret with a letter too many


def test_uuids_are_taken_as_such() -> None:
    assert config(deviceId=uuid.UUID(DEVICE), apiKey=uuid.UUID(KEY)).credentials() == (DEVICE.lower(), KEY)


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(config(deviceId=DEVICE, apiKey=KEY))


def test_each_device_has_a_journal_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    other = str(uuid.uuid4())
    one = config(deviceId=DEVICE).journal_path()
    assert one == tmp_path / "nikdev-iot" / DEVICE.lower() / "journal.db"
    assert config(deviceId=other).journal_path() != one
    assert config(deviceId=DEVICE, storageFilename="x.db").journal_path() == one.with_name("x.db")
    assert config(deviceId=DEVICE, storagePath=tmp_path).journal_path() == tmp_path / f"nikdev-{DEVICE.lower()}.db"
    assert config(storageFilename=str(tmp_path / "z.db")).journal_path() == tmp_path / "z.db"
    with pytest.raises(ConfigError, match="deviceId"):
        config(storagePath=tmp_path).journal_path()


def test_a_home_folder_is_found() -> None:
    assert config(storagePath="~/x", storageFilename="y").journal_path() == Path.home() / "x" / "y"
