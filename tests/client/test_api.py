# ruff: noqa: PD011 - `values` are those of our series, not of pandas
"""`Api` as programs use it; the README of 0.5.5, sentence by sentence, among others."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import time
import uuid
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.client.conftest import MakeApi
from tests.client.networks import DEVICE, KEY, closed_port, url_of
from tests.servers import Credentials, RunningServer

from nikdev_iot import (
    Api,
    ConfigError,
    GetException,
    JournalError,
    NikDevError,
    PushException,
    Receipt,
    ValueRefused,
)


@pytest.fixture
def offline(tmp_path: Path) -> Api:
    """A device without a server."""
    return Api({"deviceId": DEVICE, "apiKey": KEY, "storagePath": tmp_path, "baseUrl": url_of(closed_port())})


# -- 0.5.5 ---------------------------------------------------------------------------------------------


def test_the_full_example_of_0_5_5(server: RunningServer, who: Credentials, tmp_path: Path) -> None:
    """As its README prints it, with the device's own words for what stands in angle brackets."""
    program = f"""
        # Importing the API
        from nikdev_iot import Api, PushException

        # Initialize the api from credentials
        api = Api.from_credentials('{who.device_id}', '{who.api_key}')

        # Add values to be uploaded
        api.add_value('field-1', 'Value')
        api.add_value('field-2', 'Value')
        # Commit the values to "lock" them, meaning you can add
        # new values of the same Field ID without overwriting the previous.
        api.commit()

        # Adding am additional value for Field ID 1
        api.add_value('field-1', 'Another Value')
        # Commit that value as well
        api.commit()

        try:
            # Try to push the values to the server
            api.push()
        except PushException as exception:
            # Check if the data was retained
            if exception.retained_data:
                # If so, sleep for a while and try to push it again.
                import time; time.sleep(2)
                # This time it's without try catch, if we fail here the program crashes.
                api.push()
    """
    environment = {"NIKDEV_URL": server.api_url, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "data" / "nikdev-iot" / who.device_id / "journal.db").is_file()
    with Api.from_credentials(who.device_id, who.api_key, baseUrl=server.api_url, storagePath=tmp_path) as api:
        history = api.fetch()
        assert history["field-1"].values == ["Value", "Another Value"]
        assert history["field-2"].values == ["Value"]


def test_add_value_answers_with_what_was_added(offline: Api) -> None:
    added = offline.add_value("temperature", 21)
    assert (added.field_id, added.value, added.timestamp) == ("temperature", 21, None)


def test_a_second_value_of_a_field_replaces_the_first(api: Api) -> None:
    api.add_value("a", 1)
    api.add_value("b", 2)
    api.add_value("a", 3.0)
    assert api.staged() == {"a": 3.0, "b": 2}
    api.commit_and_push()
    assert {name: series.values for name, series in api.fetch().items()} == {"a": [3.0], "b": [2]}


def test_a_config_without_credentials_is_taken_and_says_what_is_missing_when_it_is_needed(tmp_path: Path) -> None:
    api = Api()
    api.add_value("a", 1)
    with pytest.raises(ConfigError, match="deviceId"):
        api.commit()
    api.reset()
    api = Api({"storagePath": tmp_path, "storageFilename": "journal.db"})
    api.add_value("a", 1)
    assert api.commit() is not None
    with pytest.raises(PushException, match="deviceId") as pushing:
        api.push()
    assert pushing.value.retained_data is True
    assert isinstance(pushing.value, ConfigError)
    with pytest.raises(GetException, match="deviceId") as getting:
        api.get("a")
    assert isinstance(getting.value, ConfigError)
    with pytest.raises(GetException, match="deviceId"):
        api.fetch()
    assert api.status().unpushed == 1
    api.close()


def test_a_key_that_cannot_be_one_keeps_the_commits(make_api: MakeApi) -> None:
    api = make_api(apiKey="<API Key>")
    api.add_value("a", 1)
    api.commit()
    with pytest.raises(PushException) as caught:
        api.push()
    assert caught.value.retained_data is True
    assert "section API Keys" in str(caught.value)
    assert api.status().unpushed == 1


# -- committing ------------------------------------------------------------------------------------------


def test_a_receipt(offline: Api) -> None:
    before_us = time.time_ns() // 1000
    offline.add_value("a", 1)
    receipt = offline.commit()
    assert isinstance(receipt, Receipt)
    assert receipt.number == 1
    assert isinstance(receipt.origin, uuid.UUID)
    assert before_us <= receipt.time_us <= time.time_ns() // 1000
    assert offline.staged() == {}


def test_nothing_staged_is_no_commit(offline: Api) -> None:
    assert offline.commit() is None
    assert offline.commit("a message", time=0) is None
    assert offline.status().unpushed == 0


@pytest.mark.parametrize(
    ("given", "time_us"),
    [
        (datetime(2026, 11, 22, 9, 30, tzinfo=UTC), 1_795_339_800_000_000),
        ("2026-11-22T10:30:00.000001+01:00", 1_795_339_800_000_001),
        (1_795_339_800, 1_795_339_800_000_000),
        (1_795_339_800.25, 1_795_339_800_250_000),
    ],
)
def test_a_commit_at_a_time_of_its_own(api: Api, given: Any, time_us: int) -> None:
    api.add_value("a", 1)
    receipt = api.commit("then", time=given)
    assert receipt is not None
    assert receipt.time_us == time_us
    (entry,) = api.log()
    assert (entry.message, entry.time_us, entry.number) == ("then", time_us, 1)
    api.push()
    assert api.fetch(start=given)["a"].times_us == [time_us]
    assert api.fetch("a", end=given)["a"].times_us == []


@pytest.mark.parametrize("options", [{"time": "yesterday"}, {"time": datetime(2026, 1, 1)}, {"message": 7}])  # noqa: DTZ001
def test_what_cannot_be_kept_leaves_the_values_staged(offline: Api, options: dict[str, Any]) -> None:
    offline.add_value("a", 1)
    with pytest.raises(ValueRefused, match="what is staged stays staged"):
        offline.commit(**options)
    assert offline.staged() == {"a": 1}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**63, None, [1], b"x", 1j, np.float64("nan"), np.datetime64("now"), pd.NA, pd.NaT],
)
def test_what_is_no_value_is_refused_by_name(offline: Api, value: object) -> None:
    with pytest.raises(ValueRefused) as caught:
        offline.add_value("temperature", value)
    assert "'temperature'" in str(caught.value)
    assert offline.staged() == {}


@pytest.mark.parametrize("field_id", ["", " x", "a,b", "a/b", "a\n", "x" * 65, 7, None])
def test_what_is_no_field_id_is_refused(offline: Api, field_id: Any) -> None:
    with pytest.raises(ValueRefused):
        offline.add_value(field_id, 1)
    assert offline.staged() == {}


def test_numpy_and_pandas_scalars_keep_their_meaning(api: Api) -> None:
    frame = pd.DataFrame({"f": [1.5], "i": [7], "b": [True], "s": ["x"]})
    given = {
        "f64": (np.float64(0.1), 0.1),
        "f32": (np.float32(0.5), 0.5),
        "i8": (np.int8(-3), -3),
        "u64": (np.uint64(2**63 - 1), 2**63 - 1),
        "bool": (np.bool_(True), True),
        "str": (np.str_("å"), "å"),
        "pandas float": (frame["f"].iloc[0], 1.5),
        "pandas int": (frame["i"].iloc[0], 7),
        "pandas bool": (frame["b"].iloc[0], True),
        "pandas text": (frame["s"].iloc[0], "x"),
    }
    for field_id, (value, plain) in given.items():
        added = api.add_value(field_id, value)
        assert (added.value, type(added.value)) == (plain, type(plain))
    api.commit_and_push()
    history = api.fetch()
    for field_id, (_, plain) in given.items():
        assert [(value, type(value)) for value in history[field_id].values] == [(plain, type(plain))]


def test_a_journal_that_cannot_be_used_keeps_the_values_staged(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    api = Api({"deviceId": DEVICE, "apiKey": KEY, "storagePath": tmp_path / "file"})
    api.add_value("a", 1)
    for work in (api.commit, api.commit_and_push, api.push, api.status, api.log, api.close):
        with pytest.raises(JournalError) as caught:
            work()  # type: ignore[operator]
        assert str(tmp_path / "file") in str(caught.value)
    (tmp_path / "file").unlink()
    assert api.commit() is not None  # the disk was seen to
    api.close()


def test_a_journal_of_another_device_is_refused(make_api: MakeApi, tmp_path: Path) -> None:
    with make_api(storageFilename="x.db") as api:
        api.add_value("a", 1)
        api.commit()
    other = make_api(storageFilename="x.db", deviceId=str(uuid.uuid4()))
    other.add_value("a", 1)
    with pytest.raises(JournalError):
        other.commit()
    assert other._store._state.values == {"a": 1}
    with pytest.raises(JournalError):
        other.close()
    other._store._state.values.clear()


def test_an_error_on_its_way_out_is_not_hidden_by_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("not a folder")
    api = Api({"deviceId": DEVICE, "apiKey": KEY, "storagePath": tmp_path / "file"})

    def program() -> None:
        with api:
            api.add_value("a", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        program()
    assert "could not be kept" in caplog.text
    api._store._state.values.clear()


# -- what is kept, and for whom ----------------------------------------------------------------------------


def test_objects_share_nothing_but_a_journal(make_api: MakeApi) -> None:
    one, two = make_api(), make_api()
    one.add_value("a", 1)
    assert two.commit() is None
    assert one.commit() is not None
    assert two.status().unpushed == 1
    elsewhere = make_api(storageFilename="other.db")
    assert elsewhere.status().unpushed == 0


def test_staged_values_of_a_closed_object_go_into_the_next_commit(make_api: MakeApi) -> None:
    with make_api() as api:
        api.add_value("a", 1)
        api.add_value("b", 2)
    again = make_api()
    assert again.status().staged == 2
    again.add_value("b", 3)
    again.add_value("c", True)
    receipt = again.commit()
    assert receipt is not None
    entry = again.show(receipt.number)
    assert entry is not None
    assert entry.values == {"a": 1, "b": 3, "c": True}
    assert again.status().staged == 0
    assert again.commit() is None


def test_a_closed_object_goes_on(api: Api) -> None:
    api.add_value("a", 1)
    api.close()
    api.close()
    api.add_value("b", 2)
    assert api.status().staged == 2
    api.commit_and_push()
    api.close()
    assert {name: series.values for name, series in api.fetch().items()} == {"a": [1], "b": [2]}


def test_an_object_that_nobody_holds_is_collected_and_its_values_kept(make_api: MakeApi, server: RunningServer) -> None:
    pattern = make_api()
    config = pattern.config
    api = Api(config)
    api.add_value("a", 7)
    watched = weakref.ref(api)
    del api
    gc.collect()
    assert watched() is None
    assert make_api().staged() == {"a": 7}


PROGRAM = """
    import os, sys
    from nikdev_iot import Api

    api = Api({{'storagePath': {path!r}, 'deviceId': {device!r}, **{options!r}}})
    {work}
"""


def run(tmp_path: Path, work: str, **options: Any) -> str:
    program = textwrap.dedent(PROGRAM).format(
        path=str(tmp_path), device=DEVICE, options=options, work="\n" + textwrap.dedent(work)
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_staged_values_survive_the_normal_end_of_a_program(tmp_path: Path) -> None:
    run(tmp_path, "api.add_value('a', 1); api.add_value('b', 21.0)")
    run(tmp_path, "api.add_value('c', 'x'); sys.exit(0)")
    assert run(tmp_path, "print(api.staged())") == "{'a': 1, 'b': 21.0, 'c': 'x'}"
    assert run(tmp_path, "api.commit(); print(api.show(1).values, api.staged())") == (
        "{'a': 1, 'b': 21.0, 'c': 'x'} {}"
    )


def test_staged_values_can_be_left_behind(tmp_path: Path) -> None:
    run(tmp_path, "api.add_value('a', 1)", stageUncommittedValues=False)
    assert run(tmp_path, "print(api.staged())") == "{}"
    run(tmp_path, "api.add_value('a', 1)")
    assert run(tmp_path, "api.commit(); print(api.staged(), api.log())", stageUncommittedValues=False) == "{} []"


def test_commits_survive_the_end_and_with_the_option_they_do_not(tmp_path: Path) -> None:
    assert run(tmp_path, "api.add_value('a', 1); api.commit(); print(api.status().unpushed)") == "1"
    assert run(tmp_path, "os.kill(os.getpid(), 0); print(api.status().unpushed)") == "1"
    work = "api.add_value('b', 1); api.commit(); api.add_value('c', 2); print(api.status().unpushed)"
    assert run(tmp_path, work, stageUnpushedEntries=False) == "1"  # its own, in memory
    assert run(tmp_path, "print(api.status().unpushed, api.staged())") == "1 {'c': 2}"
    assert run(tmp_path, "api.commit(); print(api.show(1).values)", stageUnpushedEntries=False) == "{'c': 2}"
    assert run(tmp_path, "print(api.status().unpushed, api.staged())") == "1 {}"


def test_without_any_staging_no_file_is_made(server: RunningServer, who: Credentials, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    with Api(
        {
            "baseUrl": server.api_url,
            "deviceId": who.device_id,
            "apiKey": who.api_key,
            "storagePath": folder,
            "stageUncommittedValues": False,
            "stageUnpushedEntries": False,
        }
    ) as api:
        api.add_value("a", 1)
        api.commit_and_push()
        assert api.fetch()["a"].values == [1]
    assert not folder.exists()


def test_reading_alone_makes_no_file(api: Api, tmp_path: Path) -> None:
    api.get()
    api.fetch()
    assert not (tmp_path / "device").exists()


def test_a_forked_child_leaves_its_parents_values_alone(tmp_path: Path) -> None:
    work = """
        api.add_value('a', 1)
        api.commit()
        api.add_value('b', 2)
        child = os.fork()
        if child == 0:
            api.reset()
            api.add_value('c', 3)
            api.commit()
            sys.exit(0)
        os.waitpid(child, 0)
        api.commit()
        print([dict(api.show(number).values) for number in (1, 2, 3)])
    """
    assert run(tmp_path, work) == "[{'a': 1}, {'c': 3}, {'b': 2}]"


def test_reset_deletes_what_is_staged_here_and_from_before(make_api: MakeApi) -> None:
    with make_api() as api:
        api.add_value("a", 1)
    again = make_api()
    again.add_value("b", 1)
    again.reset()
    assert again.staged() == {}
    assert again.commit() is None
    again.close()
    assert make_api().staged() == {}


def test_reset_unpushed_entries(api: Api) -> None:
    for number in range(3):
        api.add_value("a", number)
        api.commit()
    assert api.reset_unpushed_entries() == 3
    assert api.status().unpushed == 0
    api.add_value("a", 9)
    api.commit_and_push()
    assert api.fetch()["a"].values == [9]


# -- looking at it ---------------------------------------------------------------------------------------------


def test_status_and_log(api: Api) -> None:
    for number in range(5):
        api.add_value("a", number)
        api.commit(message=f"number {number}")
    api.add_value("b", 1)
    status = api.status()
    assert (status.staged, status.unpushed, status.rejected, status.acknowledged_last) == (1, 5, 0, 0)
    assert status.oldest_unpushed_us is not None
    assert Path(status.journal_path).is_file()
    assert [entry.message for entry in api.log(limit=2)] == ["number 4", "number 3"]
    assert [entry.message for entry in api.log(before=api.log(limit=2)[-1].id)] == ["number 2", "number 1", "number 0"]
    api.push()
    status = api.status()
    assert (status.staged, status.unpushed, status.acknowledged_last, status.oldest_unpushed_us) == (1, 0, 5, None)
    assert {entry.state.value for entry in api.log()} == {"acknowledged"}
    assert api.show(99) is None


def test_commit_and_push_answers_with_the_receipt(api: Api) -> None:
    assert api.commit_and_push() is None
    api.add_value("a", 1)
    seen: list[Any] = []
    receipt = api.commit_and_push("hello", time=timedelta(days=1).total_seconds(), progress=seen.append)
    assert receipt is not None
    assert receipt.time_us == 86_400_000_000
    assert [progress.pushed for progress in seen] == [1]


def test_the_key_shows_nowhere(offline: Api) -> None:
    offline.add_value("a", 1)
    offline.commit()
    with pytest.raises(PushException) as caught:
        offline.push()
    report = offline.test_connection()
    for shown in (
        repr(offline),
        repr(offline.config),
        str(caught.value),
        repr(caught.value),
        str(report),
        repr(report),
    ):
        assert KEY not in shown
    offline.close()


def test_every_error_is_one_of_ours() -> None:
    for error in (ConfigError, GetException, JournalError, PushException, ValueRefused):
        assert issubclass(error, NikDevError)
