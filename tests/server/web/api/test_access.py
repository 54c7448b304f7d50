"""Every route against every wrong caller: a table made from the OpenAPI document, with nothing skipped."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from tests.conformance.made import made_session
from tests.conformance.storage_deletions import made_deletion
from tests.server.web.whole_app import Site, running_site

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.accounts.people import parse_role
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.api.access import ACCESS, ROLE, GuardedRoute, Needs, needs
from nikdev_iot.server.web.api.document import METHODS
from nikdev_iot.server.web.pages.routing import PageRoute
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, pack_from_commits

NOBODY = str(uuid.UUID(int=12345))
DELETION = uuid.UUID(int=54321)
MALFORMED_IDS = ("x", "0", NOBODY.replace("-", ""), "{" + NOBODY + "}", NOBODY + "0", "%00", "a%20b", "..%2e", "null")
MALFORMED_HEADERS = ("", " ", "x", NOBODY.replace("-", ""), NOBODY + "0", "é" * 36, "0" * 5000)
GARBAGE_BEARERS = ("Bearer x", "Bearer ", "Bearer", "Bearer " + "x" * 5000, "Bearer é", "Basic eDp5", "x", "")


@dataclass(frozen=True)
class Caller:
    """Somebody who must not get in."""

    name: str
    headers: dict[str, str]
    expected: int
    path: dict[str, str] = field(default_factory=dict)
    """Parameters of the path that are other than right."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    access: Needs
    parameters: tuple[str, ...]
    has_body: bool
    role: Role
    """That a signed-in person needs."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class World:
    """Two accounts with devices, keys of every state, and sessions of every state."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ada, self.bob = site.new_account(), site.new_account()
        self.device, self.second, self.bobs = (site.new_device(owner) for owner in (self.ada, self.ada, self.bob))
        self.both = site.new_key(self.device)
        self.read = site.new_key(self.device, can_write=False)
        self.write = site.new_key(self.device, can_read=False)
        self.expired = site.new_key(self.device, expires_us=site.clock() + 1_000_000)
        self.revoked, self.powerless = site.new_key(self.device), site.new_key(self.device)
        self.spare = site.new_key(self.device)
        self.seconds_key, self.bobs_key = site.new_key(self.second), site.new_key(self.bobs)
        site.services.keys.revoke(self.key_id(self.revoked))
        site.services.keys.update(self.key_id(self.powerless), can_read=False, can_write=False)
        site.push(self.both, [(1, {"temperature": 21.5})])
        with site.storage.write() as write:
            write.add_deletion(made_deletion(self.device, id=DELETION, start_us=50, end_us=60))
        site.push(self.seconds_key, [(1, {"only on the second": 1})])
        self.ada_session, self.bob_session = site.new_session(self.ada), site.new_session(self.bob)
        self.members = {role: site.new_member(self.ada, role) for role in Role}
        self.role_sessions = {role: site.sign_in(email) for role, email in self.members.items()}
        removed = site.new_member(self.ada, Role.OWNER)
        self.removed = site.sign_in(removed)
        people = site.services.people
        people.remove(self.ada, people.find(removed).id)
        owner = people.find(self.members[Role.OWNER])
        half = {"token_hash": hashlib.sha256(b"half-token").digest(), "awaits_code": True}
        self.ended = site.new_session(self.ada)
        assert site.call("DELETE", "/api/v1/sessions/current", self.ended).status == 204
        with site.storage.write() as write:
            write.add_session(made_session(owner, account_id=self.ada, **half))
            old = hashlib.sha256(b"old-token").digest()
            write.add_session(made_session(owner, account_id=self.ada, token_hash=old, expires_us=site.clock() - 1))
        site.clock.now_us += 2_000_000  # and now the key with an expiry is past it

    def key_id(self, headers: dict[str, str]) -> uuid.UUID:
        access = self.site.storage.access(
            uuid.UUID(headers["x-device-id"]), hashlib.sha256(headers["x-api-key"].encode()).digest()
        )
        assert access is not None
        return access.key.id

    def right(self, route: Route) -> dict[str, str]:
        """Credentials that do: the fewest that may."""
        match route.access:
            case Needs.PUBLIC:
                return {}
            case Needs.SESSION:
                return self.site.sign_in(self.members[route.role])
            case Needs.READ:
                return self.read
            case Needs.WRITE:
                return self.write
            case Needs.ANY:
                return self.powerless

    def path(self, route: Route, changed: dict[str, str]) -> str:
        values = {name: PARAMETERS[name](self) for name in route.parameters} | changed
        return route.path.format(**values)

    def body(self, route: Route) -> tuple[str, bytes]:
        if not route.has_body:
            return "", b""
        kind, make = BODIES[route.name]
        return kind, make(self)


# What the generator knows; a route with anything else fails the test until it is told.
PARAMETERS: dict[str, Callable[[World], str]] = {
    "device_id": lambda world: str(world.device),
    "key_id": lambda world: str(world.key_id(world.spare)),
    "field_id": lambda _: "temperature",
    "field_ids": lambda _: "temperature",
    "origin": lambda _: str(uuid.UUID(int=77)),
    "deletion_id": lambda _: str(DELETION),
}


def _json(data: Any) -> tuple[str, Callable[[World], bytes]]:
    return "application/json", lambda _: json.dumps(data).encode()


def _pack(world: World) -> bytes:
    pack = pack_from_commits(uuid.uuid4(), [Commit(1, 5, (("temperature", 1.5),))], parent=NO_PACK)
    return encode_frame(encode_content(pack), epoch=world.site.storage.epoch)


_ENTRY = {"clientTimestamp": 5, "entries": [{"timestamp": 5, "values": [{"temperature": 2.5}]}]}
BODIES: dict[str, tuple[str, Callable[[World], bytes]]] = {
    "POST /api/v1/entries": _json(_ENTRY),
    "POST /api/v1/entries/": _json(_ENTRY),
    "POST /api/v1/live": (PACK_TYPE, _pack),
    "POST /api/v1/live/": (PACK_TYPE, _pack),
    "POST /api/v1/packs": (PACK_TYPE, _pack),
    "POST /api/v1/packs/": (PACK_TYPE, _pack),
    "POST /api/v1/sessions": _json({"email": "nobody@example.org", "password": "wrong"}),
    "POST /api/v1/devices": _json({"name": "New"}),
    "PATCH /api/v1/devices/{device_id}": _json({"name": "Changed"}),
    "POST /api/v1/devices/{device_id}/fields": _json({"field_id": "new"}),
    "PATCH /api/v1/devices/{device_id}/fields/{field_id}": _json({"unit": "changed"}),
    "POST /api/v1/devices/{device_id}/keys": _json({"name": "New", "read": True}),
    "PATCH /api/v1/devices/{device_id}/keys/{key_id}": _json({"name": "Changed", "write": True}),
    "POST /api/v1/devices/{device_id}/deletions": _json({"start_us": 0, "end_us": 2, "reason": "wrong"}),
}
INSTEAD: dict[str, Callable[[World], dict[str, str]]] = {
    "DELETE /api/v1/devices/{device_id}": lambda world: {"device_id": str(world.site.new_device(world.ada))},
}
"""What the right caller's path names, where the usual things are needed afterwards."""
RIGHT: dict[str, int] = {
    "POST /api/v1/sessions": 401,  # public, and the password is wrong
    "POST /api/v1/devices": 201,
    "POST /api/v1/devices/{device_id}/fields": 201,
    "POST /api/v1/devices/{device_id}/keys": 201,
    "POST /api/v1/devices/{device_id}/deletions": 201,
    "DELETE /api/v1/sessions/current": 204,
}
"""What the right caller gets, where it is not 200."""


def routes_of(document: dict[str, Any]) -> list[Route]:
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert method in METHODS, f"{path} has {method}"
            name = f"{method.upper()} {path}"
            assert ACCESS in operation, f"{name} says no {ACCESS}"
            parameters = tuple(p["name"] for p in operation.get("parameters", ()) if p["in"] == "path")
            assert path.count("{") == len(parameters), f"{name} does not describe its parameters"
            for parameter in parameters:
                assert parameter in PARAMETERS, f"{name} has the parameter {parameter}, which the table cannot make"
            has_body = "requestBody" in operation
            assert not has_body or name in BODIES, f"{name} takes a body, which the table cannot make"
            access = Needs(operation[ACCESS])
            assert (ROLE in operation) is (access is Needs.SESSION), f"{name}: a role goes with a session"
            role = parse_role(operation.get(ROLE, "viewer"))
            found.append(Route(method.upper(), path, access, parameters, has_body, role))
    return found


def wrong_keys(world: World, access: Needs) -> Iterator[Caller]:
    """Callers of a route that takes a device's key."""
    device, key = world.both["x-device-id"], world.both["x-api-key"]
    yield Caller("no credentials", {}, 401)
    yield Caller("device without key", {"x-device-id": device}, 401)
    yield Caller("key without device", {"x-api-key": key}, 401)
    yield Caller("unknown device", {"x-device-id": NOBODY, "x-api-key": key}, 401)
    yield Caller("unknown key", {"x-device-id": device, "x-api-key": NOBODY}, 401)
    yield Caller("key id for its secret", {"x-device-id": device, "x-api-key": str(world.key_id(world.both))}, 401)
    yield Caller("key of the account's other device", {**world.seconds_key, "x-device-id": device}, 401)
    yield Caller("other device with this key", {"x-device-id": str(world.second), "x-api-key": key}, 401)
    yield Caller("key of another account's device", {**world.bobs_key, "x-device-id": device}, 401)
    yield Caller("another account's device with this key", {"x-device-id": str(world.bobs), "x-api-key": key}, 401)
    yield Caller("revoked key", world.revoked, 401)
    yield Caller("expired key", world.expired, 401)
    yield Caller("session", world.ada_session, 401)
    yield Caller("another account's session", world.bob_session, 401)
    yield Caller("session and device without key", {**world.ada_session, "x-device-id": device}, 401)
    for text in MALFORMED_HEADERS:
        yield Caller("malformed device id", {"x-device-id": text, "x-api-key": key}, 401)
        yield Caller("malformed key", {"x-device-id": device, "x-api-key": text}, 401)
    for text in GARBAGE_BEARERS:
        yield Caller("garbage bearer", {"authorization": text}, 401)
    if access is not Needs.ANY:
        yield Caller("key without any access", world.powerless, 403)
    if access is Needs.WRITE:
        yield Caller("read key", world.read, 403)
    if access is Needs.READ:
        yield Caller("write key", world.write, 403)


def wrong_sessions(world: World, route: Route) -> Iterator[Caller]:
    """Callers of a route that takes a session."""
    ada, bob = world.ada_session, world.bob_session
    token = ada["authorization"].removeprefix("Bearer ")
    yield Caller("no credentials", {}, 401)
    yield Caller("device key", world.both, 401)
    yield Caller("device key as bearer", {"authorization": f"Bearer {world.both['x-api-key']}"}, 401)
    yield Caller("account id as bearer", {"authorization": f"Bearer {world.ada}"}, 401)
    yield Caller("token in another scheme", {"authorization": f"Basic {token}"}, 401)
    yield Caller("token without a scheme", {"authorization": token}, 401)
    yield Caller("token with something behind it", {"authorization": f"Bearer {token}x"}, 401)
    yield Caller("token in the device's header", {"x-api-key": token, "x-device-id": str(world.device)}, 401)
    yield Caller("token as a cookie", {"cookie": f"session={token}"}, 401)
    yield Caller("ended session", world.ended, 401)
    yield Caller("expired session", {"authorization": "Bearer old-token"}, 401)
    yield Caller("session that awaits its code", {"authorization": "Bearer half-token"}, 401)
    yield Caller("session of somebody who was removed", world.removed, 401)
    for role in Role:
        if role < route.role:
            yield Caller(f"{role.name.lower()} of the account", world.role_sessions[role], 403)
    for text in GARBAGE_BEARERS:
        yield Caller("garbage bearer", {"authorization": text}, 401)
    if "device_id" in route.parameters:
        yield Caller("another account's session", bob, 404)
        yield Caller("another account's device", ada, 404, {"device_id": str(world.bobs)})
        yield Caller("unknown device", ada, 404, {"device_id": NOBODY})
        for text in MALFORMED_IDS:
            yield Caller("malformed device id", ada, 404, {"device_id": text})
    if "key_id" in route.parameters:
        seconds, bobs = str(world.key_id(world.seconds_key)), str(world.key_id(world.bobs_key))
        yield Caller("key of the account's other device", ada, 404, {"key_id": seconds})
        yield Caller("key of another account's device", ada, 404, {"key_id": bobs})
        yield Caller("another account's session, its key", bob, 404, {"key_id": bobs})
        yield Caller("another account's key by its device", bob, 404, {"device_id": str(world.bobs)})
        yield Caller("unknown key", ada, 404, {"key_id": NOBODY})
        for text in MALFORMED_IDS:
            yield Caller("malformed key id", ada, 404, {"key_id": text})
    if "deletion_id" in route.parameters:
        yield Caller("deletion of the account's other device", ada, 404, {"device_id": str(world.second)})
        yield Caller("another account's session, its device", bob, 404, {"device_id": str(world.bobs)})
        for text in (NOBODY, *MALFORMED_IDS):
            yield Caller("unknown or malformed deletion id", ada, 404, {"deletion_id": text})
    if "field_id" in route.parameters:
        for text in ("unknown", "only%20on%20the%20second", "%00", "a,b"):
            yield Caller("field that the device does not have", ada, 404, {"field_id": text})


def wrong_callers(world: World, route: Route) -> Iterator[Caller]:
    if route.access is Needs.SESSION:
        yield from wrong_sessions(world, route)
    elif route.access is not Needs.PUBLIC:
        yield from wrong_keys(world, route.access)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield World(site)


def test_every_wrong_caller_of_every_route_is_refused_and_changes_nothing(world, capsys):
    routes = routes_of(world.site.document)
    before = world.site.dump()
    per_access: Counter[str] = Counter()
    answers: Counter[int] = Counter()
    callers: Counter[str] = Counter()
    for route in routes:
        tried = 0
        for caller in wrong_callers(world, route):
            kind, body = world.body(route)
            for sent in {body, b"\x00{not json", b"{}"} if route.has_body else {b""}:
                headers = {**caller.headers, **({"content-type": kind} if kind else {})}
                answer = world.site.call(route.method, world.path(route, caller.path), headers, sent)
                told = f"{route.name} by {caller.name} {caller.path or ''} with {sent[:20]!r}"
                assert answer.status == caller.expected, f"{told}: {answer.status} {answer.body[:200]!r}"
                assert answer.message
                tried += 1
                answers[answer.status] += 1
                callers[caller.name] += 1
        assert tried >= 15 or route.access is Needs.PUBLIC, f"{route.name}: only {tried} wrong callers"
        per_access[f"{route.access} ({sum(1 for r in routes if r.access is route.access)} routes)"] += tried
    assert world.site.dump() == before
    with capsys.disabled():
        print(f"\nrefused {sum(answers.values())} requests to {len(routes)} routes: {dict(answers)}")
        print(f"  by access: {dict(per_access)}")
        print(f"  {len(callers)} kinds of wrong callers: {dict(callers)}")


def test_every_right_caller_of_every_route_gets_in(world):
    """Else the table above could be right for the wrong reason: a path that leads nowhere."""
    routes = routes_of(world.site.document)
    for route in sorted(routes, key=lambda route: (route.method == "DELETE", route.name)):
        kind, body = world.body(route)
        headers = {**world.right(route), "content-type": kind, "host": "localhost"}
        instead = INSTEAD.get(route.name, lambda _: {})(world)
        answer = world.site.call(route.method, world.path(route, instead), headers, body)
        assert answer.status == RIGHT.get(route.name, 200), f"{route.name}: {answer.status} {answer.body[:200]!r}"


def test_every_route_of_the_app_is_in_the_document(world):
    def registered(routes):
        for route in routes:
            if isinstance(route, GuardedRoute):
                yield route
            elif not isinstance(route, PageRoute):  # whose own table is in tests/server/web/pages/test_access.py
                inner = getattr(route, "original_router", None)
                assert inner is not None, f"{route!r} is not guarded"
                yield from registered(inner.routes)

    paths = world.site.document["paths"]
    found = list(registered(world.site.app._api.routes))
    assert len(found) > 20
    for route in found:
        for method in route.methods:
            assert method.lower() in paths[route.path], f"{method} {route.path} is not in the document"
    for path in world.site.app._push._posts:
        assert "post" in paths[path]


def test_a_route_without_an_access_cannot_be_made():
    app = FastAPI()
    app.router.route_class = GuardedRoute
    with pytest.raises(ValueError, match="'' is not a valid Needs"):
        app.get("/open")(lambda: None)
    app.get("/closed", openapi_extra=needs(Needs.SESSION))(lambda: None)


def test_whoever_only_looks_reads_and_an_editor_changes(world):
    routes = [route for route in routes_of(world.site.document) if route.access is Needs.SESSION]
    assert Counter(route.role for route in routes)[Role.VIEWER] >= 8
    assert {route.name for route in routes if route.role is Role.VIEWER and route.method != "GET"} == {
        "DELETE /api/v1/sessions/current"
    }
    assert {route.method for route in routes if route.role is Role.EDITOR} == {"DELETE", "PATCH", "POST"}


def test_a_person_sees_only_what_is_theirs(world):
    devices = world.site.get("/api/v1/devices", world.bob_session).json["devices"]
    assert [device["device_id"] for device in devices] == [str(world.bobs)]
    account = world.site.get("/api/v1/account", world.bob_session).json
    assert account["account_id"] == str(world.bob)


def test_a_revoked_key_and_one_that_lost_its_access_are_out_at_once(world):
    headers = world.site.new_key(world.device)
    key = f"/api/v1/devices/{world.device}/keys/{world.key_id(headers)}"
    assert world.site.get("/api/v1/fields", headers).status == 200
    assert world.site.send("PATCH", key, world.ada_session, {"read": False}).status == 200
    assert world.site.get("/api/v1/fields", headers).status == 403
    assert world.site.get("/api/v1/device", headers).status == 200
    assert world.site.call("DELETE", key, world.ada_session).status == 200
    assert world.site.get("/api/v1/device", headers).status == 401


def test_a_401_says_how_to_sign_in_where_a_session_is_wanted(world):
    assert world.site.get("/api/v1/account").headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in world.site.get("/api/v1/device").headers


def test_credentials_are_taken_in_any_case(world):
    headers = {name.upper(): text.upper() for name, text in world.read.items()}
    assert world.site.get("/api/v1/fields", headers).status == 200
    token = world.ada_session["authorization"].removeprefix("Bearer ")
    assert world.site.get("/api/v1/account", {"authorization": f"bearer {token}"}).status == 200
