"""Every page against every wrong caller: a table made from the app's routes, with nothing skipped."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute
from tests.conformance.storage_deletions import made_deletion
from tests.server.web.pages.people import Somebody, new_person, new_session
from tests.server.web.whole_app import Answer, Site, running_site

from nikdev_iot.server.dashboards.starter import starter_tiles
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.api.access import GuardedRoute
from nikdev_iot.server.web.pages.routing import WHO, PageRoute, Who
from nikdev_iot.server.web.pages.shell import CSP

NOBODY = str(uuid.UUID(int=12345))
FORM = "application/x-www-form-urlencoded"
BROWSER = {"sec-fetch-site": "same-origin", "accept": "text/html"}
MALFORMED_IDS = ("x", "0", NOBODY.replace("-", ""), "{" + NOBODY + "}", NOBODY + "0", "%00", "a%20b", "..%2e", "null")


@dataclass(frozen=True)
class Route:
    """One page, or one form."""

    method: str
    path: str
    who: Who
    parameters: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Caller:
    """Somebody who must not get in."""

    name: str
    who: Somebody | None
    expected: set[int]
    headers: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    """Parameters of the path that are other than right."""
    fields: dict[str, str] | None = None
    """Of the form, where they are other than right."""


def origin_of(device_id: uuid.UUID) -> uuid.UUID:
    """The origin under which `Site.push` pushes."""
    return uuid.uuid5(uuid.NAMESPACE_OID, str(device_id))


class World:
    """Two accounts with people of every role, devices with all that belongs to them, and sessions of every state."""

    def __init__(self, site: Site) -> None:
        self.site = site
        first = new_person(site, site.new_account(), Role.OWNER)  # whoever comes first is the operator
        self.ada, self.bob = site.new_account(), site.new_account()
        self.owner, self.editor, self.viewer = (new_person(site, self.ada, role) for role in reversed(Role))
        self.operator = new_person(site, self.ada, Role.OWNER, is_operator=True)
        self.bobs_owner = new_person(site, self.bob, Role.OWNER)
        self.device, self.second = site.new_device(self.ada), site.new_device(self.ada)
        self.bobs = site.new_device(self.bob, "Hidden lair")
        self.keys = {device: site.new_key(device) for device in (self.device, self.second, self.bobs)}
        self.key_ids = {device: str(site.storage.keys(device)[0].id) for device in self.keys}
        for headers in self.keys.values():
            site.push(headers, [(1_000_000, {"temperature": 21.5}), (2_000_000, {"temperature": 22.5})])
        site.push(self.keys[self.bobs], [(site.clock(), {"lair_warmth": 31.0})])
        self.deletions = {device: uuid.uuid4() for device in self.keys}
        with site.storage.write() as write:
            for device, deletion_id in self.deletions.items():
                write.add_deletion(made_deletion(device, id=deletion_id, start_us=0, end_us=10))
        dashboards = site.services.dashboards
        self.dashboards = {
            device: dashboards.add(account, "Wall", tiles=starter_tiles(device, site.services.fields.all(device))).id
            for account, device in ((self.ada, self.device), (self.bob, self.bobs))
        }
        self.ended = new_session(site, self.owner.id, self.ada)
        site.services.sessions.sign_out(self.ended.token)
        self.expired = new_session(site, self.owner.id, self.ada, lifetime_us=-1)
        self.half = new_session(site, self.owner.id, self.ada, awaits_code=True)
        assert first.account_id != self.ada

    def path(self, route: Route, changed: dict[str, str]) -> str:
        values = {name: PARAMETERS[name].right(self) for name in route.parameters} | changed
        found = route.path.replace(":path}", "}").format(**values)
        return found + (f"?{QUERIES[route.name]}" if route.name in QUERIES else "")

    def right(self, allowed: Who) -> Somebody | None:
        """Somebody who may: with the fewest rights that do."""
        return {
            Who.ANYONE: None,
            Who.VIEWER: self.viewer,
            Who.EDITOR: self.editor,
            Who.OWNER: self.owner,
            Who.OPERATOR: self.operator,
        }[allowed]

    def call(
        self, route: Route, who: Somebody | None, headers: dict[str, str], path: dict[str, str], fields: dict[str, str]
    ) -> Answer:
        sent = {**BROWSER, **(who.headers if who else {}), **headers}
        body = b""
        if route.method != "GET":
            sent = {"content-type": FORM, **sent}
            body = urlencode(fields).encode()
        return self.site.call(route.method, self.path(route, path), sent, body)


@dataclass(frozen=True)
class Parameter:
    """How the table names a thing in a path: one of the account's, and some that are not."""

    right: Callable[[World], str]
    wrong: Callable[[World], Iterable[tuple[str, str]]] = lambda _: ()


# What the table knows; a route with anything else fails the test until it is told.
PARAMETERS: dict[str, Parameter] = {
    "device_id": Parameter(
        lambda world: str(world.device),
        lambda world: [
            ("another account's device", str(world.bobs)),
            ("unknown device", NOBODY),
            *(("malformed device id", text) for text in MALFORMED_IDS),
        ],
    ),
    "key_id": Parameter(
        lambda world: world.key_ids[world.device],
        lambda world: [
            ("key of the account's other device", world.key_ids[world.second]),
            ("key of another account's device", world.key_ids[world.bobs]),
            ("unknown key", NOBODY),
            *(("malformed key id", text) for text in MALFORMED_IDS),
        ],
    ),
    "origin": Parameter(
        lambda world: str(origin_of(world.device)),
        lambda world: [
            ("origin of the account's other device", str(origin_of(world.second))),
            ("origin of another account's device", str(origin_of(world.bobs))),
            ("unknown origin", NOBODY),
            *(("malformed origin", text) for text in MALFORMED_IDS),
        ],
    ),
    "number": Parameter(
        lambda _: "2", lambda _: [("no such commit", text) for text in ("0", "3", "-1", "x", "1.0", "\u0661", "9" * 30)]
    ),
    "deletion_id": Parameter(
        lambda world: str(world.deletions[world.device]),
        lambda world: [
            ("deletion of the account's other device", str(world.deletions[world.second])),
            ("deletion of another account's device", str(world.deletions[world.bobs])),
            ("unknown deletion", NOBODY),
            *(("malformed deletion id", text) for text in MALFORMED_IDS),
        ],
    ),
    "dashboard_id": Parameter(
        lambda world: str(world.dashboards[world.device]),
        lambda world: [
            ("another account's dashboard", str(world.dashboards[world.bobs])),
            ("unknown dashboard", NOBODY),
            *(("malformed dashboard id", text) for text in MALFORMED_IDS),
        ],
    ),
    "tile_id": Parameter(lambda _: "v0", lambda _: [("no such tile", text) for text in ("v9", "V0", "x" * 99, "%00")]),
    "token": Parameter(lambda _: "no-such-token"),
    "digest": Parameter(lambda _: "0123456789abcdef"),
    "name": Parameter(lambda _: "css/base.css"),
    "path": Parameter(lambda _: "nothing"),
}
QUERIES: dict[str, str] = {}
"""What an address needs behind it."""
RIGHT: dict[str, int] = {
    "GET /": 303,
    "GET /admin": 303,
    "GET /admin/": 303,
    "GET /admin/{path:path}": 404,
    "GET /admin/setup/{token}": 404,
    "GET /admin/invitations/{token}": 404,
    "GET /admin/login/code": 303,
    "GET /dist/{name}": 404,
    "GET /shared/{token}": 404,
    "GET /shared/{token}/live": 404,
    "GET /shared/{token}/series": 404,
}
"""What the right caller of a page gets, where it is not 200."""
STREAMS = {"GET /admin/live"}
"""They end only when the server stops: `test_live.py` reads them."""


def page_routes(site: Site) -> list[Route]:
    def registered(routes: Iterable[object]) -> Iterator[APIRoute]:
        for route in routes:
            if isinstance(route, PageRoute):
                yield route
            elif not isinstance(route, GuardedRoute):
                inner = getattr(route, "original_router", None)
                assert inner is not None, f"{route!r} is not guarded"
                yield from registered(inner.routes)

    found = []
    for route in registered(site.app._api.routes):
        parameters = tuple(route.param_convertors)
        for name in parameters:
            assert name in PARAMETERS, f"{route.path} has the parameter {name}, which the table cannot make"
        extra = route.openapi_extra or {}
        found += [Route(method, route.path, Who(extra[WHO]), parameters) for method in sorted(route.methods)]
    assert len({route.name for route in found}) == len(found)
    assert {route.method for route in found} <= {"GET", "POST"}, "browsers' forms have no other"
    return found


def wrong_callers(world: World, route: Route) -> Iterator[Caller]:
    sends = route.method == "POST"
    if sends:
        yield from wrong_sites(world, route)
    if route.who is Who.ANYONE:
        return
    yield Caller("nobody", None, {303})
    yield Caller("nobody, by htmx", None, {401}, {"hx-request": "true"})
    yield Caller("nobody, by a script", None, {401}, {"accept": "application/json"})
    yield Caller("a device with its key", None, {303}, world.keys[world.device])
    yield Caller("a session as a bearer", None, {303}, {"authorization": f"Bearer {world.owner.token}"})
    yield Caller("a session in another cookie", None, {303}, {"cookie": f"session={world.owner.token}"})
    for text in ("", "x", "é", world.owner.token + "x", world.owner.token[:-1], world.owner.csrf, str(world.owner.id)):
        yield Caller("a garbled session", None, {303}, {"cookie": f"nikdev_session={text}"})
    for name in ("ended", "expired", "half"):
        yield Caller(f"a session {name}", getattr(world, name), {303})
    if sends:
        yield from wrong_tokens(world, route)
    yield from wrong_roles(world, route)
    may = world.right(route.who)
    assert may is not None
    for name in route.parameters:
        # A form may also be found wanting before the thing that it is about is looked for.
        expected = {404, 422} if sends and name != "device_id" else {404}
        for what, value in PARAMETERS[name].wrong(world):
            yield Caller(what, may, expected, path={name: value})
    if "device_id" in route.parameters and route.who is not Who.OPERATOR:
        yield Caller("the owner of another account", world.bobs_owner, {404})


def wrong_sites(world: World, route: Route) -> Iterator[Caller]:
    may = world.right(route.who)
    host = {"host": "iot.example.org"}
    for site in ("cross-site", "same-site"):
        yield Caller(f"a form of a {site} page", may, {403}, {"sec-fetch-site": site, **host})
    for origin in ("https://elsewhere.example", "null", "http://iot.example.org:81", "http://iot.example.org.evil"):
        headers = {"origin": origin, "sec-fetch-site": "cross-site", **host}
        yield Caller("a form with another origin", may, {403}, headers)


def wrong_tokens(world: World, route: Route) -> Iterator[Caller]:
    may = world.right(route.who)
    assert may is not None
    yield Caller("a form without a token", may, {403}, fields={})
    for csrf in ("", "x", "é", may.csrf[:-1], may.token, world.bobs_owner.csrf, world.ended.csrf):
        yield Caller("a form with a wrong token", may, {403}, fields={"csrf": csrf})
        if csrf.isascii():
            yield Caller("a script with a wrong token", may, {403}, {"x-csrf-token": csrf or "-"})
    yield Caller("a token in something else than a form", may, {403}, {"content-type": "text/plain"})
    yield Caller("a token in JSON", may, {403}, {"content-type": "application/json"})


def wrong_roles(world: World, route: Route) -> Iterator[Caller]:
    below = {
        Who.VIEWER: (),
        Who.EDITOR: ("viewer",),
        Who.OWNER: ("viewer", "editor"),
        Who.OPERATOR: ("viewer", "editor", "owner", "bobs_owner"),
    }
    for name in below[route.who]:
        yield Caller(f"a {name}", getattr(world, name), {403})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield World(site)


def check_headers(answer: Answer, told: str) -> None:
    """Every page has its policy, and nothing is kept by browsers or between."""
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert answer.headers["content-security-policy"] == CSP, told
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", told
    else:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), told
    assert answer.headers["x-content-type-options"] == "nosniff", told
    assert "referrer-policy" in answer.headers, told
    assert answer.headers["cache-control"] == "no-store", told


def test_every_wrong_caller_of_every_page_is_refused_and_changes_nothing(world, capsys):
    routes = page_routes(world.site)
    before = world.site.dump()
    answers: Counter[int] = Counter()
    callers: Counter[str] = Counter()
    for route in routes:
        tried = 0
        for caller in wrong_callers(world, route):
            fields = caller.fields
            if fields is None:
                fields = {"csrf": caller.who.csrf} if caller.who else {}
            answer = world.call(route, caller.who, caller.headers, caller.path, fields)
            told = f"{route.name} by {caller.name} {caller.path or ''}"
            assert answer.status in caller.expected, f"{told}: {answer.status} {answer.body[:300]!r}"
            if answer.status == 303:
                assert answer.headers["location"].startswith("/admin/login"), told
            assert "set-cookie" not in answer.headers, told
            check_headers(answer, told)
            tried += 1
            answers[answer.status] += 1
            callers[caller.name] += 1
        least = {Who.ANYONE: 0 if route.method == "GET" else 6}.get(route.who, 13 if route.method == "GET" else 30)
        assert tried >= least, f"{route.name}: only {tried} wrong callers"
    assert world.site.dump() == before
    with capsys.disabled():
        print(f"\nrefused {sum(answers.values())} requests to {len(routes)} pages and forms: {dict(answers)}")
        print(f"  {len(callers)} kinds of wrong callers: {dict(callers)}")


def test_every_right_caller_of_every_page_gets_in(world):
    """Else the table above could be right for the wrong reason: a path that leads nowhere."""

    def kept() -> list[object]:
        """What is in the store, but for what the server notes down to be quicker, and of itself."""
        return [row for row in world.site.dump() if row[0] not in {"latest", "size_samples"}]

    before = kept()
    for route in page_routes(world.site):
        if route.method != "GET" or route.name in STREAMS or route.path.startswith("/assets/"):
            continue
        answer = world.call(route, world.right(route.who), {}, {}, {})
        assert answer.status == RIGHT.get(route.name, 200), f"{route.name}: {answer.status} {answer.body[:300]!r}"
        check_headers(answer, route.name)
    assert kept() == before, "a page changed something by being looked at"


@pytest.mark.parametrize("name", ["device", "devices", "device_id", "id", "ids"])
def test_no_page_tells_of_another_accounts_device_that_its_address_names(world, name):
    for route in page_routes(world.site):
        if route.method != "GET" or route.name in STREAMS or route.path.startswith("/assets/"):
            continue
        path = f"{world.path(route, {})}{'&' if route.name in QUERIES else '?'}{name}={world.bobs}"
        answer = world.site.get(path, {**BROWSER, **world.operator.headers})
        assert b"lair" not in answer.body, path
        assert answer.status < 500, path


def test_an_empty_form_is_never_the_servers_fault(world):
    """Its token is right: so it gets past everything that stands before it, and is told what is missing."""
    routes = [route for route in page_routes(world.site) if route.method == "POST"]
    for route in sorted(routes, key=lambda route: ("delete" in route.name, "logout" in route.name)):
        who = world.right(route.who)
        answer = world.call(route, who, {}, {}, {"csrf": who.csrf} if who else {})
        told = f"{route.name}: {answer.status} {answer.body[:300]!r}"
        assert answer.status < 500, told
        assert answer.status != 403, told
        assert not (answer.status == 303 and who and answer.headers["location"].startswith("/admin/login?")), told
        check_headers(answer, told)
        if "logout" in route.name:
            world.viewer = new_session(world.site, world.viewer.id, world.ada)
