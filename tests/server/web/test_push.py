from __future__ import annotations

import gzip
import socket
import struct
import time
import uuid
import zlib
from urllib.parse import urlsplit

import pytest
from tests.server.pushing import TIME_US, Client, Origin, entries_body
from tests.server.web.whole_app import running_site
from tests.servers import Credentials, RunningServer, run_server

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.server.ingest.entries import entries_origin
from nikdev_iot.server.ingest.turns import Turns
from nikdev_iot.wire.marks import Mark, PushAnswer
from nikdev_iot.wire.pack import (
    NO_PACK,
    decode_content,
    decompress,
    encode_content,
    encode_frame,
    pack_from_commits,
)

SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


@pytest.fixture
def who(server: RunningServer) -> Credentials:
    return server.new_device()


@pytest.fixture
def client(server: RunningServer, who: Credentials):
    with Client(server.url, who.headers) as client:
        yield client


@pytest.fixture
def origin(server: RunningServer) -> Origin:
    return Origin(server.storage.epoch)


def stored(server: RunningServer, who: Credentials):
    """Return all commits of a device, in the order of arrival."""
    packs = server.storage.packs_after(uuid.UUID(who.device_id), 0, limit=10_000)
    return [
        commit
        for pack in packs
        for commit in decode_content(decompress(pack.payload, pack.codec, pack.content_bytes)).commits()
    ]


# -- JSON v1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/entries/", "/api/v1/entries"])
def test_entries_are_stored_with_their_kinds(server, who, client, path):
    body = entries_body((5, {"a": 1, "b": 1.0}), (6, {"c": True, "d": "x"}))
    answer = client.send("POST", path, body)
    assert answer.status == 200
    assert {"stored": 2, "duplicates": 0}.items() <= answer.body.items()
    assert abs(answer.body["server_time_us"] - time.time_ns() // 1000) < 60_000_000
    values = [commit.values for commit in stored(server, who)]
    assert values == [(("a", 1), ("b", 1.0)), (("c", True), ("d", "x"))]
    assert [type(value) for row in values for _, value in row] == [int, float, bool, str]


def test_a_request_sent_twice_is_stored_once_alone_and_with_new_ones_behind(server, who, client):
    first = ((5, {"a": 1}), (5, {"a": 2}))
    counts = [client.entries(entries_body(*entries)).body for entries in (first, first, (*first, (6, {"a": 3})))]
    assert [(count["stored"], count["duplicates"]) for count in counts] == [(2, 0), (0, 2), (1, 2)]
    assert [(commit.number, commit.values) for commit in stored(server, who)] == [
        (1, (("a", 1),)), (2, (("a", 2),)), (3, (("a", 3),)),
    ]  # fmt: skip


def test_two_equal_entries_of_one_second_are_both_stored_in_order(server, who, client):
    client.entries(entries_body((5, {"a": 1}), (5, {"b": 2}), (5, {"a": 1})))
    assert [(c.time_us, c.values) for c in stored(server, who)] == [
        (5_000_000, (("a", 1),)), (5_000_000, (("b", 2),)), (5_000_000, (("a", 1),)),
    ]  # fmt: skip


def test_a_push_of_nothing_is_fine(server, who, client):
    assert client.entries(entries_body()).body["stored"] == 0
    assert stored(server, who) == []


def test_the_clock_of_the_client_is_compared_with_the_servers(server, who, client):
    client.entries(entries_body((5, {"a": 1}), sent_s=time.time() - 3_600))
    (pack,) = server.storage.packs_after(uuid.UUID(who.device_id), 0, limit=10)
    assert pack.clock_offset_us is not None
    assert abs(pack.clock_offset_us + 3_600_000_000) < 10_000_000
    assert pack.key_id == uuid.UUID(who.key_id)


@pytest.mark.parametrize(
    ("encoding", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
def test_compressed_json(server, who, client, encoding, squeeze):
    body = squeeze(entries_body((5, {"a": 1})))
    assert client.entries(body, {"content-encoding": encoding}).body["stored"] == 1
    assert len(stored(server, who)) == 1


def test_a_large_request_is_decoded_beside_the_others(server, who, client):
    body = entries_body(*((n, {"a": n, "b": "x" * 50}) for n in range(5_000)))
    assert len(body) > 300_000
    assert client.entries(body).body["stored"] == 5_000
    assert [commit.time_us for commit in stored(server, who)] == [n * 1_000_000 for n in range(5_000)]


def test_what_is_big_or_may_become_so_is_decoded_in_turn(tmp_path):
    taken = []

    class Watched(Turns):
        def take(self, key_id):
            taken.append(key_id)
            return super().take(key_id)

    with running_site(tmp_path) as site:
        site.app._push._turns = Watched()
        who = site.new_key(site.new_device())
        small, big = entries_body((5, {"a": 1})), entries_body((6, {f"f{n}": "x" * 50_000 for n in range(22)}))
        for body, turns in ((small, 0), (gzip.compress(small), 0), (big, 1), (gzip.compress(big), 2)):
            headers = {"content-encoding": "gzip"} if body[:1] != b"{" else {}
            assert site.call("POST", "/api/v1/entries/", {**who, **headers}, body).status == 200
            assert len(taken) == turns
        made = Origin(site.storage.epoch)
        assert site.call("POST", "/api/v1/packs", who, made.pack([{"t": "x" * 60_000}] * 20)).status == 200
        assert len(taken) == 3


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "says"),
    [
        (b"{", {}, 400, "malformed", "body"),
        (b'{"entries": [{"timestamp": 5, "values": [{"a": 1}, {"a": 2}]}]}', {}, 400, "malformed",
         "entries[0].values[1]"),
        (b"x", {"content-encoding": "gzip"}, 400, "damaged", "gzip"),
        (gzip.compress(b"{}")[:-4], {"content-encoding": "gzip"}, 400, "damaged", "gzip"),
        (b"x", {"content-encoding": "br"}, 415, "unsupported-encoding", "'br'"),
        (gzip.compress(bytes(10_000_000)), {"content-encoding": "gzip"}, 413, "too-large", "8388608"),
        (gzip.compress(b'{"entries":[' + b"{}," * 2_700_000 + b"{}]}"), {"content-encoding": "gzip"}, 413, "too-large",
         "brackets"),
        (b'{"entries": [{"timestamp": 5, "values": [{"a": 1}], "values": []}]}', {}, 400, "malformed", "'values'"),
    ],
)  # fmt: skip
def test_json_that_is_refused(server, who, client, body, headers, status, code, says):
    answer = client.entries(body, headers)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert says in answer.body["message"]
    assert answer.headers["content-type"] == "application/json"
    assert SECURITY.items() <= answer.headers.items()
    assert stored(server, who) == []
    assert client.entries(entries_body((5, {"a": 1}))).status == 200, "the connection goes on"


# -- packs -------------------------------------------------------------------------------------------


def test_packs_are_stored_in_a_chain(server, who, client, origin):
    for number in range(3):
        answer = client.pack(origin.pack([{"a": number}, {"b": "x"}]), {"x-nikdev-sent-us": "1000"})
        assert answer.status == 200
        found = PushAnswer.from_json(answer.body)
        assert (found.stored, found.epoch) == (True, server.storage.epoch)
        assert found.mark == Mark(origin.last, origin.parent)
        assert SECURITY.items() <= answer.headers.items()
    assert [commit.number for commit in stored(server, who)] == [1, 2, 3, 4, 5, 6]
    mark = PushAnswer.from_json(client.origin(origin.id).body)
    assert (mark.mark, mark.stored) == (Mark(6, origin.parent), False)


def test_an_unknown_origin_has_no_mark(client):
    assert PushAnswer.from_json(client.origin(uuid.uuid4()).body).mark == Mark(0, NO_PACK)


def test_a_pack_sent_again_is_stored_once(server, who, client, origin):
    body = origin.pack([{"a": 1}])
    assert [client.pack(body).body["stored"] for _ in range(3)] == [True, False, False]
    assert len(stored(server, who)) == 1


def test_each_conflict_comes_with_the_mark(server, who, client, origin):
    other = Origin(origin.epoch, id=origin.id)
    assert client.pack(origin.pack([{"a": 1}])).status == 200
    beyond = Origin(origin.epoch, id=origin.id, last=5)
    fork = Origin(origin.epoch, id=origin.id, parent=b"x" * 32, last=1)
    reborn = Origin(bytes(16), id=origin.id, parent=origin.parent, last=1)
    for body, code in [
        (other.pack([{"a": 2}]), "overlap"),
        (beyond.pack([{"a": 2}]), "gap"),
        (fork.pack([{"a": 2}]), "fork"),
        (reborn.pack([{"a": 2}]), "epoch"),
    ]:
        answer = client.pack(body)
        assert (answer.status, answer.body["code"]) == (409, code)
        assert "Nothing was stored" in answer.body["message"]
        found = PushAnswer.from_json(answer.body)
        assert (found.mark, found.stored, found.epoch) == (Mark(1, origin.parent), False, origin.epoch)
    assert len(stored(server, who)) == 1


def test_a_large_pack_and_a_bare_one(server, who, client, origin):
    rows = [{"a": n / 7, "b": n, "c": f"text {n}"} for n in range(20_000)]
    assert client.pack(origin.pack(rows)).body["stored"] is True
    assert client.pack(origin.pack(rows[:5], level=0)).body["stored"] is True
    found = stored(server, who)
    assert len(found) == 20_005
    assert dict(found[12_345].values) == rows[12_345]


def test_a_damaged_pack_is_refused_at_whatever_byte(server, who, client, origin):
    body = origin.pack([{"a": 1}], advance=False)
    for at in range(0, len(body), 7):
        damaged = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        answer = client.pack(damaged)
        assert (answer.status, answer.body["code"]) in {(400, "damaged"), (400, "unsupported")}
    assert stored(server, who) == []
    assert client.pack(body).status == 200


def test_packs_that_are_refused(client, origin):
    many = origin.pack([{"a": 1}] * 50_001, advance=False)
    answer = client.pack(many)
    assert (answer.status, answer.body["code"], answer.body["limit"]) == (413, "too-large", 50_000)
    answer = client.pack(origin.pack([{"a": 1}], advance=False), {"content-encoding": "gzip"})
    assert answer.status == 415
    answer = client.pack(origin.pack([{"a": 1}], advance=False), {"x-nikdev-sent-us": "noon"})
    assert (answer.status, answer.body["code"]) == (400, "malformed")
    assert "x-nikdev-sent-us" in answer.body["message"]


def test_a_pack_may_claim_more_than_it_has(client, origin):
    body = bytearray(origin.pack([{"a": 1}], advance=False))
    struct.pack_into("<I", body, 8, 0xFFFF_FFFF)
    assert client.pack(bytes(body)).status == 400


def test_fields_beyond_the_limit_name_the_commits_and_leave_the_rest_to_be_pushed(server, client, origin):
    client.pack(origin.pack([{f"f{n}": n for n in range(1_000)}]))
    refused = client.pack(origin.pack([{"f1": 1}, {"new": 1}, {"f2": 2}], advance=False))
    assert (refused.status, refused.body["code"]) == (422, "invalid")
    assert [item["number"] for item in refused.body["rejected"]] == [3]
    assert "'new'" in refused.body["rejected"][0]["reason"]
    assert "1000 fields" in refused.body["message"]
    kept = origin.pack([{"f1": 1}], advance=True)
    assert client.pack(kept).status == 200
    assert client.pack(origin.pack([{"f2": 2}], gaps=[Gap(3, 1, "set aside")])).body["mark"]["number"] == 4


def test_a_device_that_takes_no_new_fields(server):
    account = server.add_account()
    who = server.add_key(server.add_device(account, accepts_new_fields=False))
    with Client(server.url, who.headers) as client:
        for answer in (
            client.pack(Origin(server.storage.epoch).pack([{"a": 1}])),
            client.entries(entries_body((5, {"a": 1}))),
        ):
            assert answer.status == 422
            assert "takes no new fields" in answer.body["message"]


# -- digests -----------------------------------------------------------------------------------------


def test_digests_can_be_had_page_by_page(client, origin):
    bodies = [origin.pack([{"a": 1}, {"a": 2}]), origin.pack([{"a": 3}], gaps=[Gap(3, 1, "discarded")])]
    for body in bodies:
        client.pack(body)
    path = f"/api/v1/origins/{origin.id}/digests"
    whole = client.send("GET", path).body
    assert [number for number, _ in whole["digests"]] == [1, 2, 4]
    assert all(len(bytes.fromhex(digest)) == 16 for _, digest in whole["digests"])
    assert whole["next"] is None
    first = client.send("GET", f"{path}?limit=2").body
    assert (first["digests"], first["next"]) == (whole["digests"][:2], 2)
    assert client.send("GET", f"{path}?after={first['next']}").body["digests"] == whole["digests"][2:]
    for query in ("after=-1", "after=x", "limit=0", "limit=10001"):
        assert client.send("GET", f"{path}?{query}").status == 400


def test_the_origin_of_the_entries_can_be_asked_about(who, client):
    client.entries(entries_body((5, {"a": 1})))
    answer = client.origin(entries_origin(uuid.UUID(who.device_id)))
    assert answer.body["mark"]["number"] == 1


@pytest.mark.parametrize("path", ["/api/v1/origins/x", "/api/v1/origins/", f"/api/v1/origins/{uuid.uuid4()}/else"])
def test_addresses_that_are_none(client, path):
    answer = client.send("GET", path)
    assert (answer.status, answer.body["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/v1/packs", "POST"),
        ("DELETE", "/api/v1/entries/", "POST"),
        ("POST", f"/api/v1/origins/{uuid.uuid4()}", "GET"),
    ],
)
def test_wrong_methods(client, method, path, allow):
    answer = client.send(method, path)
    assert (answer.status, answer.headers["allow"], answer.body["code"]) == (405, allow, "method-not-allowed")


# -- who may -----------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/api/v1/entries/"), ("POST", "/api/v1/packs"), ("GET", f"/api/v1/origins/{uuid.UUID(int=5)}"),
    ("GET", f"/api/v1/origins/{uuid.UUID(int=5)}/digests"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_wrong_callers_are_refused(server, who, method, path):
    other = server.new_device()
    reader = server.add_key(who.device_id, write=False)
    expired = server.add_key(who.device_id, expires=time.time() + 0.2)
    revoked = server.add_key(who.device_id)
    server.revoke(revoked)
    time.sleep(0.3)
    wrong = {
        "nothing": ({}, 401),
        "no key": ({"x-device-id": who.device_id}, 401),
        "no device": ({"x-api-key": who.api_key}, 401),
        "another device's key": ({"x-device-id": who.device_id, "x-api-key": other.api_key}, 401),
        "another device": ({"x-device-id": other.device_id, "x-api-key": who.api_key}, 401),
        "unknown": ({"x-device-id": str(uuid.uuid4()), "x-api-key": str(uuid.uuid4())}, 401),
        "no UUIDs": ({"x-device-id": "'; DROP TABLE packs", "x-api-key": "x"}, 401),
        "expired": (expired.headers, 401),
        "revoked": (revoked.headers, 401),
        "read only": (reader.headers, 403),
    }
    for name, (headers, status) in wrong.items():
        with Client(server.url, headers) as client:
            answer = client.send(method, path, b"not looked at" if method == "POST" else None)
            assert answer.status == status, name
            assert answer.body["code"] == ("forbidden" if status == 403 else "unauthorized"), name
            assert answer.body.get("reason") == {"expired": "key-expired", "revoked": "key-revoked"}.get(name), name
            assert SECURITY.items() <= answer.headers.items()


def test_upper_case_credentials_are_the_same(server, who):
    headers = {name: value.upper() for name, value in who.headers.items()}
    with Client(server.url, headers) as client:
        assert client.entries(entries_body((5, {"a": 1}))).status == 200


def test_the_devices_marks_are_its_own(server, client, origin):
    client.pack(origin.pack([{"a": 1}]))
    with Client(server.url, server.new_device().headers) as other:
        assert other.origin(origin.id).body["mark"]["number"] == 0
        found = other.send("GET", f"/api/v1/origins/{origin.id}/digests").body
        assert found == {"digests": [], "next": None, "epoch": server.storage.epoch.hex()}


def _raw(server: RunningServer, request: bytes) -> tuple[socket.socket, bytes]:
    """Send bytes, and return the connection with the head of the answer."""
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    connection.sendall(request)
    return connection, connection.recv(65_536)


@pytest.mark.parametrize(
    ("credentials", "length", "status"),
    [("wrong", 1_000, b"401"), ("wrong", 10**12, b"401"), ("right", 10**12, b"413"), ("reader", 10**12, b"403")],
)
def test_credentials_and_size_are_looked_at_before_the_body_comes(server, who, credentials, length, status):
    reader = server.add_key(who.device_id, write=False)
    key = {"wrong": str(uuid.uuid4()), "right": who.api_key, "reader": reader.api_key}[credentials]
    head = (
        f"POST /api/v1/packs HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {key}\r\n"
        f"content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    )
    connection, answer = _raw(server, head.encode())
    with connection:
        # Not one byte of the body has been sent, nor asked for.
        assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_body_that_grows_over_the_limit_while_it_streams(server, who, client):
    answer = client.send("POST", "/api/v1/packs", (bytes(1_000_000) for _ in range(9)))
    assert (answer.status, answer.body["code"], answer.body["limit"]) == (413, "too-large", 8 * 1024 * 1024)
    assert "smaller parts" in answer.body["message"]


def test_a_body_in_chunks_is_as_good_as_one_in_a_piece(client, origin):
    body = origin.pack([{"a": n / 3, "b": f"{n}"} for n in range(20_000)])
    assert len(body) > 100_000
    answer = client.send("POST", "/api/v1/packs", (body[at : at + 9_999] for at in range(0, len(body), 9_999)))
    assert (answer.status, answer.body["stored"]) == (200, True)


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(server, who, client):
    head = (
        f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        "content-length: 5000\r\n\r\n{"
    )
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(head.encode())
        time.sleep(0.1)
    assert client.entries(entries_body((5, {"a": 1}))).status == 200
    assert len(stored(server, who)) == 1
    assert "Traceback" not in server.log_text()


def test_a_client_that_stops_in_the_middle_is_not_waited_for_for_ever(tmp_path):
    with run_server(tmp_path, "--body-timeout-s", "1") as server:
        who = server.new_device()
        head = (
            f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\n"
            f"x-api-key: {who.api_key}\r\ncontent-length: 5000\r\n\r\n{{"
        )
        connection, answer = _raw(server, head.encode())
        with connection:
            assert answer.startswith(b"HTTP/1.1 408")


def test_over_the_rate_of_a_key(tmp_path):
    with run_server(tmp_path, "--requests-per-second", "1", "--requests-burst", "3") as server:
        who, other = server.new_device(), server.new_device()
        with Client(server.url, who.headers) as client, Client(server.url, other.headers) as theirs:
            answers = [client.entries(entries_body((n, {"a": 1}))) for n in range(5)]
            assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
            late = answers[-1]
            assert late.body["code"] == "too-many-requests"
            assert "1 requests per second" in late.body["message"]
            assert int(late.headers["retry-after"]) >= 1
            assert theirs.entries(entries_body((5, {"a": 1}))).status == 200
            time.sleep(float(late.headers["retry-after"]))
            assert client.entries(entries_body((9, {"a": 1}))).status == 200
        assert len(stored(server, who)) == 4


def test_wrong_keys_are_slowed_down_and_right_ones_let_in(tmp_path):
    with run_server(
        tmp_path, "--wrong-keys-per-second", "0.2", environment={"NIKDEV_WRONG_KEYS_BURST": "10"}
    ) as server:
        who = server.new_device()
        with Client(server.url, {**who.headers, "x-api-key": str(uuid.uuid4())}) as wrong:
            answers = [wrong.entries(b"{}") for _ in range(12)]
        assert [answer.status for answer in answers[:10]] == [401] * 10
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        with Client(server.url, who.headers) as right:
            assert right.entries(entries_body((5, {"a": 1}))).status == 200


def test_a_revocation_is_in_force_within_two_seconds(server, who, client):
    assert client.entries(entries_body((5, {"a": 1}))).status == 200
    server.revoke(who)
    begin_s = time.monotonic()
    number = 0
    while client.entries(entries_body((number, {"a": 2}))).status == 200:
        number += 1
        assert time.monotonic() - begin_s < 2
        time.sleep(0.02)


def test_a_key_is_known_to_have_been_used(tmp_path):
    with run_server(tmp_path) as server:
        who = server.new_device()
        with Client(server.url, who.headers) as client:
            client.entries(entries_body((5, {"a": 1})))
        server.stop()
        key = server.storage.key(uuid.UUID(who.key_id))
        assert key is not None
        assert key.last_used_us is not None
        assert abs(key.last_used_us - time.time_ns() // 1000) < 60_000_000


# -- POST live ---------------------------------------------------------------------------------------


def test_newest_values_are_shown_ahead_of_a_backlog_and_are_never_history(client, origin):
    rows = [{"a": number, "t": number / 2} for number in range(1, 101)]
    assert client.pack(origin.pack(rows[:10])).status == 200
    newest = Commit(100, TIME_US + 89_000_000, (("a", 100), ("new", True)))
    pack = pack_from_commits(origin.id, [newest], parent=NO_PACK)
    ahead = encode_frame(encode_content(pack), epoch=origin.epoch)
    for path in ("/api/v1/live", "/api/v1/live/"):
        answer = client.send("POST", path, ahead)
        assert answer.status == 200
        assert answer.body["shown"] is True
        assert answer.body["again_after_s"] >= 1
    found = {
        name: value
        for item in client.send("GET", "/api/v1/values").body["data"]["values"]
        for name, value in item.items()
    }
    assert found["a"] == {"value": 100, "timestamp": found["a"]["timestamp"], "preview": True}
    assert found["t"] == {"value": 5.0, "timestamp": found["t"]["timestamp"]}
    assert "new" not in found  # a field begins with its history
    assert client.origin(origin.id).body["mark"]["number"] == 10
    assert len(client.send("GET", "/api/v1/history?fields=a").body["fields"]["a"]["values"]) == 10
    assert client.pack(origin.pack(rows[10:])).status == 200
    (found,) = client.send("GET", "/api/v1/values/a").body["data"]["values"]
    assert found["a"]["value"] == 100
    assert "preview" not in found["a"]
    assert client.send("POST", "/api/v1/live", ahead).body["shown"] is False  # it is stored
    assert len(client.send("GET", "/api/v1/history?fields=a").body["fields"]["a"]["values"]) == 100


def test_what_is_shown_ahead_is_held_to_its_limits(client, origin):
    assert client.send("POST", "/api/v1/live", bytes(70_000)).status == 413
    assert client.send("POST", "/api/v1/live", origin.pack([{"a": 1}] * 65, advance=False)).status == 413
    damaged = bytearray(origin.pack([{"a": 1}]))
    damaged[70] ^= 1
    assert client.send("POST", "/api/v1/live", bytes(damaged)).body["code"] == "damaged"
    assert client.send("POST", "/api/v1/live", bytes(damaged), {"content-encoding": "gzip"}).status == 415
    assert client.send("GET", "/api/v1/live").status == 405
