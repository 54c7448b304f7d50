"""A device is deleted while it pushes: each push is stored whole or refused, and in the end nothing is left of it."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import uuid

from tests.server.pushing import Client, Origin, entries_body
from tests.servers import PASSWORD, RunningServer


def _delete(server: RunningServer, email: str, device_id: str) -> None:
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{server.url}/api/v1/sessions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        token = json.load(answer)["token"]
    request = urllib.request.Request(
        f"{server.url}/api/v1/devices/{device_id}", method="DELETE", headers={"authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20):
        pass


def test_a_device_that_pushes_is_deleted_and_nothing_is_left(server: RunningServer) -> None:
    email = f"{uuid.uuid4().hex}@example.org"
    account = server.add_account(email)
    device = server.add_key(server.add_device(account))
    other = server.add_key(server.add_device(account))
    device_id = uuid.UUID(device.device_id)
    statuses: dict[str, list[int]] = {"packs": [], "entries": []}
    deleted = threading.Event()

    def push(kind: str) -> None:
        origin = Origin(server.storage.epoch)
        with Client(server.url, device.headers) as client:
            for number in range(1, 100_000):
                late = deleted.is_set()
                if kind == "packs":
                    answer = client.pack(origin.pack([{"a": number}]))
                else:
                    answer = client.entries(entries_body((number, {"b": number})))
                statuses[kind].append(answer.status)
                assert not late or answer.status == 401
                if answer.status == 401:
                    return

    pushing = [threading.Thread(target=push, args=(kind,)) for kind in statuses]
    for thread in pushing:
        thread.start()
    while min(map(len, statuses.values())) < 20:
        time.sleep(0.01)
    _delete(server, email, device.device_id)
    deleted.set()
    for thread in pushing:
        thread.join(20)
        assert not thread.is_alive()
    for found in statuses.values():
        assert found == [200] * (len(found) - 1) + [401]

    storage = server.storage
    give_up_s = time.monotonic() + 20
    while storage.has_leaving(at_us=time.time_ns() // 1_000):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    assert storage.packs_after(device_id, 0, limit=1) == []
    assert storage.fields(device_id) == []
    assert storage.keys(device_id) == []
    with Client(server.url, other.headers) as client:
        assert client.pack(Origin(storage.epoch).pack([{"a": 1}])).status == 200


def test_a_kill_while_it_is_cleared_away_loses_only_time(own_server: RunningServer) -> None:
    server = own_server
    device = server.new_device()
    device_id = uuid.UUID(device.device_id)
    with Client(server.url, device.headers) as client:
        origin = Origin(server.storage.epoch)
        for number in range(300):
            assert client.pack(origin.pack([{"a": number}])).status == 200
    server.kill()
    with server.storage.write() as write:
        write.delete_device(device_id, at_us=time.time_ns() // 1_000)
    with server.storage.write() as write:
        assert write.clear_leaving(at_us=1, max_rows=50, max_bytes=10**9)
    server.start()
    with Client(server.url, device.headers) as client:
        assert client.pack(origin.pack([{"a": 1}])).status == 401
    give_up_s = time.monotonic() + 20
    while server.storage.has_leaving(at_us=time.time_ns() // 1_000):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    assert server.storage.packs_after(device_id, 0, limit=1) == []
