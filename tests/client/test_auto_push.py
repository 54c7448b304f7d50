"""Pushing in the background: by itself, again after failures, and ended cleanly."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from tests.client.networks import DEVICE, KEY, StubServer, closed_port, json_reply, scripted, url_of

from nikdev_iot import Api, ConfigError
from nikdev_iot.client import preview
from nikdev_iot.client.auto_push import AutoPush
from nikdev_iot.client.transport import Transport
from nikdev_iot.journal.journal import Journal


def until(condition, timeout_s=15.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


def config(port, tmp_path, **options):
    return {
        "deviceId": DEVICE,
        "apiKey": KEY,
        "storagePath": str(tmp_path),
        "baseUrl": url_of(port),
        "requestTimeout": 2,
        "autoPush": True,
        "pushInterval": 0.05,
        **options,
    }


def commit(api, *values):
    for value in values:
        api.add_value("n", value)
        api.commit()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "nikdev-push"]


def test_without_it_there_is_no_thread_and_no_state(tmp_path):
    with Api({"storagePath": str(tmp_path)}) as api:
        assert api.push_state is None


@pytest.mark.parametrize(
    ("key", "value"), [("pushInterval", -1), ("pushInterval", "x"), ("pushBytesPerSecond", 1), ("autoPush", "yes")]
)
def test_options_that_cannot_be(key, value):
    with pytest.raises(ConfigError, match=key):
        Api({key: value})


def test_commits_arrive_by_themselves(tmp_path):
    server = StubServer()
    with scripted(server) as port, Api(config(port, tmp_path)) as api:
        commit(api, 1, 2)
        until(lambda: server.numbers == [1, 2])
        commit(api, 3)
        until(lambda: server.numbers == [1, 2, 3])
        until(lambda: api.push_state.phase == "idle")
        assert api.push_state.last_success_us is not None
        assert api.push_state.last_error is None
        assert api.status().unpushed == 0
    assert api.push_state.phase == "stopped"
    assert threads() == []


def test_what_an_earlier_program_left_goes_at_once(tmp_path):
    server = StubServer()
    with scripted(server) as port:
        with Api(config(port, tmp_path, autoPush=False)) as api:
            commit(api, 1)
        with Api(config(port, tmp_path)):
            until(lambda: server.numbers == [1])


def test_the_last_commit_of_a_program_goes_before_it_ends(tmp_path):
    server = StubServer()
    with scripted(server) as port, Api(config(port, tmp_path, pushInterval=3600)) as api:
        commit(api, 1)
        until(lambda: server.numbers == [1])
        commit(api, 2)
        api.close()
        assert server.numbers == [1, 2]


def test_a_server_that_was_away_gets_all_of_it_once(tmp_path):
    server = StubServer(lambda _: json_reply(503, {"message": "away"}))
    with scripted(server) as port, Api(config(port, tmp_path)) as api:
        commit(api, 1)
        until(lambda: api.push_state.phase == "waiting")
        state = api.push_state
        assert state.failures == 1
        assert "away" in state.last_error
        assert state.next_try_us > state.last_error_us
        commit(api, 2)
        server.intervene = lambda _: None
        until(lambda: server.numbers == [1, 2])
        until(lambda: api.push_state.failures == 0)
        assert "away" in api.push_state.last_error


def test_what_the_server_asks_for_is_waited_for(tmp_path):
    asked = []

    def busy(request):
        asked.append(time.monotonic())
        if len(asked) == 1:
            return json_reply(429, {"message": "slowly"}, **{"retry-after": "2"})
        return None

    with scripted(StubServer(busy)) as port, Api(config(port, tmp_path)) as api:
        commit(api, 1)
        until(lambda: api.status().unpushed == 0)
    assert asked[1] - asked[0] >= 2


def test_refused_credentials_are_told_and_not_tried_again_soon(tmp_path):
    server = StubServer(lambda _: json_reply(401, {"message": "no such key"}))
    with scripted(server) as port, Api(config(port, tmp_path)) as api:
        commit(api, 1)
        until(lambda: api.push_state.phase == "waiting")
        assert "no such key" in api.push_state.last_error
        assert api.push_state.next_try_us - api.push_state.last_error_us > 200_000_000
        assert len(api.rejected()) == 1


def test_missing_credentials_are_told(tmp_path):
    with Api({"autoPush": True, "deviceId": DEVICE, "storagePath": str(tmp_path)}) as api:
        until(lambda: api.push_state.phase == "waiting")
        assert "apiKey" in api.push_state.last_error
        commit(api, 1)
        assert api.status().unpushed == 1


def test_a_bound_on_the_network_is_kept(tmp_path):
    server = StubServer()
    with scripted(server) as port:
        with Api(config(port, tmp_path, autoPush=False)) as api:
            for number in range(1_500):
                api.add_value("n", number * 0.37)
                api.commit()
        began = time.monotonic()
        with Api(config(port, tmp_path, pushBytesPerSecond=5_000)) as api:
            until(lambda: api.status().unpushed == 0, 30)
            spent = time.monotonic() - began
        first = sum(len(request.body) for request in server.requests if request.method == "POST")
        print(f"{first} bytes in {spent:.1f} s")
        assert spent > 0.5


def test_a_program_that_ends_while_the_server_hangs_ends_in_time(tmp_path):
    server = StubServer(lambda _: time.sleep(8))
    with scripted(server) as port:
        program = f"""
            from nikdev_iot import Api
            api = Api({config(port, tmp_path, requestTimeout=1)!r})
            api.add_value("n", 1)
            api.commit()
            import time; time.sleep(0.3)
        """
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(line.strip() for line in program.splitlines())],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert time.monotonic() - began < 6
        assert "Traceback" not in done.stderr
    with Api(config(closed_port(), tmp_path, autoPush=False)) as api:
        assert api.status().unpushed == 1


def test_an_object_that_is_forgotten_takes_its_thread_along(tmp_path):
    server = StubServer()
    with scripted(server) as port:
        api = Api(config(port, tmp_path))
        commit(api, 1)
        until(lambda: server.numbers == [1])
        assert len(threads()) == 1
        del api
        gc.collect()
        until(lambda: not threads())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_pushes_with_a_thread_of_its_own(tmp_path):
    server = StubServer()
    with scripted(server) as port:
        program = f"""
            import os, time
            from nikdev_iot import Api
            api = Api({config(port, tmp_path)!r})
            api.add_value("n", 1)
            api.commit()
            child = os.fork()
            api.add_value("n", 2)
            api.commit()
            api.close()
            if not child: os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "\n".join(line.strip() for line in program.splitlines())],
            timeout=60,
            check=True,
        )
        with Api(config(port, tmp_path)) as api:
            until(lambda: api.status().unpushed == 0)
        assert server.numbers == [1, 2, 3]


def test_no_room_for_a_thread_keeps_the_commits(tmp_path, monkeypatch, caplog):
    with Api(config(closed_port(), tmp_path, autoPush=False)) as api:
        pushing = AutoPush(api.config, api._store.commits, now_us=lambda: 0)

        def refuse(_):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        pushing.start()
        assert pushing.state.phase == "stopped"
        assert "not pushed in the background" in caplog.text


# -- newest values ahead of a backlog, see also tests/e2e/test_newest_first.py ---------------------------


def backlog(port, tmp_path, count=3_000):
    with Api(config(port, tmp_path, autoPush=False)) as api, Journal.open(api.status().journal_path) as journal:
        journal.commit_many((number + 1, {"n": number * 0.37}, None) for number in range(count))


def paths(server):
    return [request.path.removeprefix("/api/v1/") for request in server.requests]


def test_a_server_that_asks_to_wait_with_what_is_shown_ahead_gets_nothing_else_either(tmp_path):
    asked = []

    def busy(request):
        asked.append((time.monotonic(), request.path))
        if request.path.endswith("live"):
            return json_reply(429, {"message": "slowly"}, **{"retry-after": "2"})
        return None

    server = StubServer(busy)
    with scripted(server) as port:
        backlog(port, tmp_path)
        with Api(config(port, tmp_path, pushBytesPerSecond=500)) as api:
            until(lambda: api.push_state.phase == "waiting")
            assert "slowly" in api.push_state.last_error
            until(lambda: asked[-1][1].endswith("packs") and asked[-2][1].endswith("live"))
    assert asked[-1][0] - asked[-2][0] >= 2


def test_an_older_server_is_asked_once_and_gets_its_packs(tmp_path):
    server = StubServer()  # 404
    with scripted(server) as port:
        backlog(port, tmp_path, 20_000)
        with Api(config(port, tmp_path, pushBytesPerSecond=6_000)) as api:
            until(lambda: "live" in paths(server))
            until(lambda: paths(server).count("packs") > 1)
            assert paths(server).count("live") == 1
            assert api.push_state.last_preview_us is None
            assert api.push_state.last_error is None
    assert server.numbers == list(range(1, len(server.numbers) + 1))


def test_what_is_shown_ahead_counts_against_the_bound_on_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(preview, "_HEAD_BYTES", 12_000)
    asked = []

    def show(request):
        asked.append((time.monotonic(), request))
        if request.path.endswith("live"):
            return json_reply(200, {"shown": True, "again_after_s": 5, "server_time_us": 1})
        return None

    with scripted(StubServer(show)) as port:
        backlog(port, tmp_path, 20_000)
        began = time.monotonic()
        with Api(config(port, tmp_path, pushBytesPerSecond=6_000)) as api:
            until(lambda: [request.path[-5:] for _, request in asked].count("packs") > 1)
            assert api.push_state.last_preview_us is not None
    (_, first), (second_s, _) = [(at, request) for at, request in asked if request.path.endswith("packs")][:2]
    assert second_s - began >= (len(first.body) + 12_000) / 6_000


def test_a_short_queue_is_pushed_without_showing_anything_ahead(tmp_path):
    server = StubServer()
    with scripted(server) as port:
        backlog(port, tmp_path)
        with Api(config(port, tmp_path)) as api:
            until(lambda: api.status().unpushed == 0)
    assert "live" not in paths(server)
    assert server.numbers == list(range(1, 3_001))


# -- the end of the program, and forks ------------------------------------------------------------------


def program(text):
    return [sys.executable, "-W", "ignore", "-c", textwrap.dedent(text)]


def test_ctrl_c_while_the_server_hangs_ends_in_time(tmp_path):
    server = StubServer(lambda _: time.sleep(20))
    with scripted(server) as port:
        running = subprocess.Popen(
            program(f"""
            import time
            from nikdev_iot import Api
            with Api({config(port, tmp_path, requestTimeout=2)!r}) as api:
                api.add_value("n", 1)
                api.commit()
                print("ready", flush=True)
                time.sleep(60)
            """),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stdout.readline() == "ready\n"
        until(lambda: server.requests)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
        assert time.monotonic() - began < 2 + 1 + 5  # the timeout, a second, and what a busy machine takes
        assert told.strip().endswith("KeyboardInterrupt")
        assert told.count("Traceback") == 1, "the program's own"
    with Api(config(closed_port(), tmp_path, autoPush=False)) as api:
        assert api.status().unpushed == 1


def test_who_closes_is_not_kept_waiting_by_what_hangs_elsewhere(tmp_path, monkeypatch):
    """A host name that is looked up for minutes, say: no timeout ends that."""
    going_on = threading.Event()
    monkeypatch.setattr(Transport, "request", lambda *_, **__: going_on.wait(30))
    api = Api(config(closed_port(), tmp_path, requestTimeout=0.2))
    commit(api, 1)
    until(lambda: api.push_state.phase == "pushing")
    began = time.monotonic()
    api.close()
    assert time.monotonic() - began < 0.2 + 1 + 5
    assert api.push_state.phase == "stopped"
    assert api.status().unpushed == 1
    going_on.set()
    until(lambda: not threads())
    api.close()


def test_an_error_in_the_with_block_ends_the_thread(tmp_path):
    with scripted(StubServer()) as port:
        api = Api(config(port, tmp_path))  # somebody may still hold it
        with pytest.raises(ZeroDivisionError), api:
            raise ZeroDivisionError
        assert not threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork_the_parent_goes_on_and_the_child_pushes_nothing_twice(tmp_path):
    """The child is made in the middle of a push, lives on, and ends as Python programs do."""
    server = StubServer(lambda _: time.sleep(0.05))
    with scripted(server) as port:
        backlog(port, tmp_path, 4_000)
        subprocess.run(
            program(f"""
            import os, sys, time
            from nikdev_iot import Api
            api = Api({config(port, tmp_path)!r})
            while api.status().unpushed == 4000: time.sleep(0.01)
            child = os.fork()
            if not child: time.sleep(0.3); sys.exit()
            end = time.monotonic() + 30
            while api.status().unpushed and time.monotonic() < end: time.sleep(0.01)
            api.add_value("n", 1)
            api.commit()
            while api.status().unpushed and time.monotonic() < end: time.sleep(0.01)
            assert api.push_state.phase in ("idle", "pushing"), api.push_state
            assert os.waitpid(child, 0)[1] == 0
            api.close()
            """),
            timeout=60,
            check=True,
        )
        assert server.numbers == list(range(1, 4_002))
        assert len({request.body for request in server.requests if request.path.endswith("packs")}) == paths(
            server
        ).count("packs"), "a pack was sent twice"
