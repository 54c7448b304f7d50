"""Each known bug of the 0.5.5 client, shown with the client itself, and that it is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.client.networks import DEVICE, KEY, Reply, Request, StubServer, closed_port, json_reply, scripted, url_of
from tests.e2e.old_clients import OldClient
from tests.unmeasured import unmeasured

from nikdev_iot import Api, PushException, ValueRefused

_BEGIN = """
import json, os, signal, sys, time
from datetime import datetime
from nikdev_iot import Api, PushException

def made(**options):
    return Api({{"deviceId": {device!r}, "apiKey": {key!r}, "storagePath": {folder!r}, "baseUrl": {url!r}, **options}})

"""


def program(script: str, folder: Path | None, port: int = 9) -> str:
    begin = _BEGIN.format(device=DEVICE, key=KEY, folder="" if folder is None else str(folder), url=url_of(port))
    return begin + script


def run(script: str, folder: Path, *, exit_code: int = 0) -> str:
    """Run a program with the client of today."""
    done = subprocess.run(
        [sys.executable, "-c", program(script, folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=unmeasured(),
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def made(folder: Path, port: int = 9, **options: Any) -> Api:
    return Api({"deviceId": DEVICE, "apiKey": KEY, "storagePath": folder, "baseUrl": url_of(port), **options})


def commit(api: Api, **values: Any) -> None:
    for field_id, value in values.items():
        api.add_value(field_id, value)
    assert api.commit() is not None


class OldServer:
    """Takes what 0.5.5 sends, and answers as it is told."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.bodies: list[Any] = []

    def __call__(self, request: Request) -> Reply:
        self.bodies.append(json.loads(request.body))
        return self.replies.pop(0) if self.replies else json_reply(200, {})


@pytest.mark.parametrize("signal", [9, 15])
def test_values_lost_unless_the_process_exits_normally(old: OldClient, tmp_path: Path, signal: int) -> None:
    dies = f"api = made(); api.add_value('a', 1); api.commit(); os.kill(os.getpid(), {signal}); time.sleep(60)"
    old.run(program(dies, tmp_path), tmp_path, exit_code=-signal)
    assert old.run(program("print(len(made().entries))", tmp_path), tmp_path) == "0\n"

    run(dies, tmp_path / "now", exit_code=-signal)
    with made(tmp_path / "now") as api:
        assert api.status().unpushed == 1


def test_the_next_start_failing_after_staged_entries_were_restored(old: OldClient, tmp_path: Path) -> None:
    first = "api = made(); api.add_value('a', 1); api.commit(); api.add_value('a', 2)"
    old.run(program(first, tmp_path), tmp_path)
    old.run(program("made()", tmp_path), tmp_path, exit_code=1)

    run(first, tmp_path / "now")
    for _ in range(2):
        with made(tmp_path / "now") as api:
            assert (api.status().unpushed, api.staged()) == (1, {"a": 2})


def test_state_shared_between_two_api_objects(old: OldClient, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    script = """
one, two = made(), made(storagePath=os.getcwd() + '/other')
one.add_value('a', 1)
print([value.field_id for value in two.values])
"""
    assert old.run(program(script, tmp_path), tmp_path) == "['a']\n"

    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    one.add_value("a", 1)
    assert two.staged() == {}
    assert two.commit() is None
    for api in (one, two):
        api.reset()
        api.close()


def test_a_refused_connection_raising_a_raw_http_library_error(old: OldClient, tmp_path: Path) -> None:
    port = closed_port()
    script = """
api = made(); api.add_value('a', 1); api.commit()
try:
    api.push()
except Exception as error:
    print(type(error).__module__)
"""
    assert old.run(program(script, tmp_path, port), tmp_path).startswith("requests")

    with made(tmp_path / "now", port) as api:
        commit(api, a=1)
        with pytest.raises(PushException, match="Nothing accepts connections") as caught:
            api.push()
        assert caught.value.retained_data
        assert api.status().unpushed == 1


def test_values_committed_while_a_push_is_in_flight_being_deleted(old: OldClient, tmp_path: Path) -> None:
    script = """
import requests
api = made(); api.add_value('a', 1); api.commit()
real = requests.post
def meanwhile(**arguments):
    api.add_value('a', 2); api.commit()
    return real(**arguments)
requests.post = meanwhile
api.push()
print(len(api.entries))
"""
    old_server = OldServer()
    with scripted(old_server) as port:
        assert old.run(program(script, tmp_path, port), tmp_path) == "0\n"
    assert [entry["values"] for entry in old_server.bodies[0]["entries"]] == [[{"a": 1}]]

    server = StubServer()
    with scripted(server) as port, made(tmp_path / "now", port) as api:

        def meanwhile(request: Request) -> Reply | None:
            if request.method == "POST":
                server.intervene = lambda _: None
                commit(api, a=2)
            return None

        server.intervene = meanwhile
        commit(api, a=1)
        api.push()
        assert api.status().unpushed == 1
        api.push()
    assert server.numbers == [1, 2]


def test_a_timed_out_push_sent_and_stored_twice(old: OldClient, tmp_path: Path) -> None:
    script = """
api = made(requestTimeout=0.2); api.add_value('a', 1); api.commit()
try:
    api.push()
except PushException:
    api.config.set_value('requestTimeout', 10)
    api.push()
"""
    old_server = OldServer()

    def late(request: Request) -> Reply:
        reply = old_server(request)
        if len(old_server.bodies) == 1:
            time.sleep(0.5)
        return reply

    with scripted(late) as port:
        old.run(program(script, tmp_path, port), tmp_path)
    first, second = (body["entries"] for body in old_server.bodies)
    assert first == second

    server = StubServer()

    def stored_and_late(request: Request) -> Reply | None:
        if request.method == "POST":
            server.intervene = lambda _: None
            reply = server.reply(request)
            time.sleep(0.8)
            return reply
        return None

    server.intervene = stored_and_late
    with scripted(server) as port, made(tmp_path / "now", port, requestTimeout=0.4) as api:
        commit(api, a=1)
        with pytest.raises(PushException, match="did not answer within"):
            api.push()
        api.push()
        assert api.status().unpushed == 0
    assert server.numbers == [1]


def test_two_processes_on_one_store_overwriting_each_other(old: OldClient, tmp_path: Path) -> None:
    other = "api = made(); api.add_value('b', 2); api.commit()"
    script = f"""
api = made(); api.add_value('a', 1); api.commit()
sys.stdout.flush()
child = os.fork()
if not child:
    import atexit; atexit._clear()
    type(api).entries = []
    {other}
    sys.exit()
os.waitpid(child, 0)
"""
    old.run(program(script, tmp_path), tmp_path)
    count = "import shelve; print(len(shelve.open('iot_storage.db')['entries']))"
    assert old.run(count, tmp_path) == "1\n"

    with made(tmp_path / "now") as api:
        commit(api, a=1)
        run(other, tmp_path / "now")
        commit(api, a=3)
        assert api.status().unpushed == 3


@pytest.mark.parametrize("value", ["float('nan')", "datetime(2020, 1, 1)"])
def test_one_nan_or_datetime_failing_every_later_push(old: OldClient, tmp_path: Path, value: str) -> None:
    script = f"""
api = made(); api.add_value('bad', {value}); api.commit()
for number in range(2):
    api.add_value('good', number); api.commit()
    try:
        api.push()
    except Exception as error:
        print('failed')
"""
    old_server = OldServer()
    with scripted(old_server) as port:
        assert old.run(program(script, tmp_path, port), tmp_path) == "failed\nfailed\n"
    assert old_server.bodies == []

    server = StubServer()
    with scripted(server) as port, made(tmp_path / "now", port) as api:
        with pytest.raises(ValueRefused, match="'bad'"):
            api.add_value("bad", eval(value, {"datetime": datetime}))  # noqa: S307 - ours
        commit(api, good=1)
        api.push()
    assert server.numbers == [1]


def test_a_4xx_without_message_raising_key_error(old: OldClient, tmp_path: Path) -> None:
    script = """
api = made(); api.add_value('a', 1); api.commit()
try:
    api.push()
except Exception as error:
    print(type(error).__name__)
"""
    with scripted(OldServer(json_reply(404, {"detail": "Not Found"}))) as port:
        assert old.run(program(script, tmp_path, port), tmp_path) == "KeyError\n"

    with scripted(lambda _: json_reply(404, {"detail": "Not Found"})) as port, made(tmp_path / "now", port) as api:
        commit(api, a=1)
        with pytest.raises(PushException, match="HTTP 404") as caught:
            api.push()
        assert (caught.value.status, caught.value.retained_data) == (404, True)


def test_429_treated_as_a_bad_request(old: OldClient, tmp_path: Path) -> None:
    script = """
api = made(); api.add_value('a', 1); api.commit()
try:
    api.push()
except PushException as error:
    print(error)
"""
    slower = json_reply(429, {"message": "slower"}, **{"retry-after": "7"})
    with scripted(OldServer(slower)) as port:
        assert old.run(program(script, tmp_path, port), tmp_path) == "Bad request: slower\n"

    with scripted(lambda _: slower) as port, made(tmp_path / "now", port) as api:
        commit(api, a=1)
        with pytest.raises(PushException) as caught:
            api.push()
        assert (caught.value.status, caught.value.retry_after_s, caught.value.retained_data) == (429, 7.0, True)
        assert "Bad request" not in str(caught.value)


def test_empty_commits_and_empty_pushes_sent(old: OldClient, tmp_path: Path) -> None:
    old_server = OldServer()
    with scripted(old_server) as port:
        old.run(program("api = made(); api.push(); api.commit(); api.push()", tmp_path, port), tmp_path)
    assert [[entry["values"] for entry in body["entries"]] for body in old_server.bodies] == [[], [[]]]

    server = StubServer()
    with scripted(server) as port, made(tmp_path / "now", port) as api:
        api.push()
        assert api.commit() is None
        api.push()
    assert server.requests == []


def test_storage_filename_ignored(old: OldClient, tmp_path: Path) -> None:
    old.run(program("made(storageFilename='mine.db')", tmp_path), tmp_path)
    assert {name[:11] for name in os.listdir(tmp_path)} == {"iot_storage"}

    with made(tmp_path / "now", storageFilename="mine.db") as api:
        commit(api, a=1)
    assert [name for name in os.listdir(tmp_path / "now") if not name.startswith("mine.db")] == []


def test_a_store_path_relative_to_the_working_folder(
    old: OldClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        old.run(program("made()", None), folder)
        assert any(name.startswith("iot_storage") for name in os.listdir(folder))

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for count, name in enumerate(("three", "four"), 1):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with Api({"deviceId": DEVICE, "apiKey": KEY}) as api:
            commit(api, a=count)
            assert api.status().unpushed == count
        assert os.listdir() == []


def test_a_shelf_with_waiting_values_is_taken_over_whole(old: OldClient, tmp_path: Path) -> None:
    """Written by 0.5.5 itself, with whichever library its Python has for it."""
    script = """
api = made()
for number in range(40):
    api.add_value('n', number); api.add_value('kind', [1, 1.0, True, 'text å'][number % 4])
    api.commit()
print(json.dumps([entry.timestamp for entry in api.entries]))
api.add_value('n', 'waiting'); api.add_value('more', 2.0)
"""
    times = json.loads(old.run(program(script, tmp_path), tmp_path))
    server = StubServer()
    with scripted(server) as port, made(tmp_path, port) as api:
        found = [api.show(number) for number in range(1, 41)]
        assert [entry.time_us // 1_000_000 for entry in found if entry] == times
        values = [dict(entry.values or {}) for entry in found if entry]
        assert values == [{"n": number, "kind": [1, 1.0, True, "text å"][number % 4]} for number in range(40)]
        assert [type(one["kind"]) for one in values[:4]] == [int, float, bool, str]
        assert api.staged() == {"n": "waiting", "more": 2.0}
        assert api.commit() is not None
        api.push()
    assert server.numbers == list(range(1, 42))
    with made(tmp_path) as api:
        assert (api.status().unpushed, api.status().staged) == (0, 0)
    assert all(name.endswith(".taken-over") for name in os.listdir(tmp_path) if name.startswith("iot_storage"))
