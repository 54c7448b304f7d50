from __future__ import annotations

import dataclasses
import logging
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI, Request, Response
from tests.server.web.pages.people import new_person

from nikdev_iot.server.errors import Conflict, Invalid, StorageUnavailable, TooMany
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.routing import Form, FormOf, VisitOf, Who, page_router, who
from nikdev_iot.server.web.pages.shell import CSP

FORM = "application/x-www-form-urlencoded"
HTML = "text/html; charset=utf-8"


def _routes():
    """A page and a form for each kind of person, and pages that fail."""
    routes = page_router()
    for allowed in Who:

        def page(request: Request, visit: VisitOf) -> Response:
            return Response(visit.email if visit else "anyone")

        def form(request: Request, visit: VisitOf, form: FormOf) -> Response:
            return Response(repr(form))

        routes.get(f"/test/{allowed.value}", openapi_extra=who(allowed))(page)
        routes.post(f"/test/{allowed.value}", openapi_extra=who(allowed))(form)
    errors = {
        "invalid": Invalid("The name is too long.", hint="Nothing was changed."),
        "conflict": Conflict("It is there already."),
        "slow": TooMany("Too many.", retry_after_s=2.4),
        "store": StorageUnavailable("cannot open /secret/place/store.sqlite3"),
        "bug": ZeroDivisionError("a secret of the inside"),
    }
    for name, error in errors.items():
        routes.get(f"/test/fails/{name}", openapi_extra=who(Who.ANYONE))(partial(_raise, error))
    routes.get("/test/device/{device_id}", openapi_extra=who(Who.VIEWER))(_of_device)
    routes.get("/test/counted", openapi_extra=who(Who.ANYONE))(_counted)
    return routes


def _raise(error: Exception) -> Response:
    raise error


def _of_device(request: Request, visit: VisitOf) -> Response:
    return Response(visit.the_device.name)


def _counted(request: Request, count: int) -> Response:
    return Response(str(count))


@pytest.fixture(scope="module")
def pages(site):
    """The site, with these routes instead of the real ones."""
    app = FastAPI()
    app.state.services = site.services
    app.include_router(_routes())
    return dataclasses.replace(site, app=app)


@pytest.fixture(scope="module")
def people(site):
    account = site.new_account()
    named = {role.name.lower(): new_person(site, account, role) for role in Role}
    return SimpleNamespace(account=account, operator=new_person(site, account, Role.VIEWER, is_operator=True), **named)


def send(pages, path, who=None, headers=(), *, token=True, **fields):
    """Send a form as a page of ours does."""
    made = {"content-type": FORM, **(who.headers if who else {}), **dict(headers)}
    if who and token:
        fields = {"csrf": who.csrf, **fields}
    return pages.call("POST", path, made, urlencode(fields).encode())


MAY = {
    "viewer": {"anyone", "viewer"},
    "editor": {"anyone", "viewer", "editor"},
    "owner": {"anyone", "viewer", "editor", "owner"},
    "operator": {"anyone", "viewer", "operator"},
}


@pytest.mark.parametrize("name", MAY)
@pytest.mark.parametrize("allowed", [allowed.value for allowed in Who])
def test_each_person_sees_what_is_for_them(pages, people, name, allowed):
    person = getattr(people, name)
    seen = pages.get(f"/test/{allowed}", person.headers)
    sent = send(pages, f"/test/{allowed}", person, name="x")
    if allowed in MAY[name]:
        assert (seen.status, sent.status) == (200, 200)
        assert seen.body.decode() == ("anyone" if allowed == "anyone" else person.email)
        assert "'name': 'x'" in sent.body.decode()
    else:
        assert (seen.status, sent.status) == (403, 403)
        assert b"That is for" in seen.body
        assert b"Nothing was changed. Ask an owner of the account." in sent.body


@pytest.mark.parametrize("allowed", [allowed.value for allowed in Who if allowed is not Who.ANYONE])
def test_a_stranger_is_sent_to_the_login_and_back(pages, allowed):
    answer = pages.get(f"/test/{allowed}?a=b&c=d%20e")
    assert answer.status == 303
    assert answer.headers["location"] == f"/admin/login?next=/test/{allowed}%3Fa%3Db%26c%3Dd%2520e"
    posted = send(pages, f"/test/{allowed}")
    assert (posted.status, posted.headers["location"]) == (303, "/admin/login")
    part = pages.get(f"/test/{allowed}", {"hx-request": "true"})
    assert (part.status, part.headers["hx-redirect"]) == (401, "/admin/login")
    script = pages.get(f"/test/{allowed}", {"accept": "application/json"})
    assert (script.status, script.json["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://elsewhere"}]
)
@pytest.mark.parametrize("allowed", [allowed.value for allowed in Who])
def test_a_form_of_another_site_is_refused_whoever_sends_it(pages, people, allowed, headers):
    for person in (None, people.owner):
        answer = send(pages, f"/test/{allowed}", person, {"host": "here", **headers})
        assert answer.status == 403
        assert b"another site" in answer.body


def test_a_form_without_the_token_of_this_session_is_refused(pages, people):
    for fields in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}, {"csrf": people.editor.csrf}):
        answer = send(pages, "/test/owner", people.owner, token=False, **fields)
        assert answer.status == 403
        assert b"The form is not of this session." in answer.body
    wrong = {"x-csrf-token": people.editor.csrf}
    assert send(pages, "/test/owner", people.owner, wrong).status == 403  # though the form's own is right
    assert send(pages, "/test/owner", people.owner, {"x-csrf-token": people.owner.csrf}, token=False).status == 200


def test_a_token_in_a_body_that_is_no_form_does_not_count(pages, people):
    body = f'{{"csrf": "{people.owner.csrf}"}}'.encode()
    for kind in ("application/json", "text/plain", ""):
        answer = pages.call("POST", "/test/owner", {**people.owner.headers, "content-type": kind}, body)
        assert answer.status == 403


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a=%d" % n for n in range(600))])
def test_a_form_that_cannot_be_read_is_refused(pages, people, body):
    headers = {**people.owner.headers, "content-type": FORM, "x-csrf-token": people.owner.csrf}
    answer = pages.call("POST", "/test/owner", headers, body)
    assert answer.status == 403
    assert b"The form could not be read." in answer.body


def test_a_form_has_the_last_of_equal_names_and_all_of_them():
    form = Form([("a", " 1 "), ("b", "x"), ("a", "2 ")])
    assert form["a"] == "2 "
    assert form.text("a") == "2"
    assert form.text("nothing") == ""
    assert form.all("a") == [" 1 ", "2 "]
    assert form.all("nothing") == []


def test_the_device_in_the_path_is_the_accounts_or_not_there(site, pages, people):
    mine, other = site.new_device(people.account, "Mine"), site.new_device(name="Other")
    assert pages.get(f"/test/device/{mine}", people.viewer.headers).body == b"Mine"
    for name in (str(other), "x", "%00"):
        answer = pages.get(f"/test/device/{name}", people.viewer.headers)
        assert answer.status == 404
        assert b"Other" not in answer.body


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("invalid", 422, "The name is too long."),
        ("conflict", 409, "It is there already."),
        ("slow", 429, "Too many."),
        ("store", 503, "The server&#39;s store cannot be reached at the moment."),
        ("bug", 500, "The server failed at this; its log says more."),
    ],
)
def test_errors_become_pages_parts_and_json(pages, caplog, name, status, said):
    with caplog.at_level(logging.ERROR):
        whole = pages.get(f"/test/fails/{name}")
        part = pages.get(f"/test/fails/{name}", {"hx-request": "true"})
        script = pages.get(f"/test/fails/{name}", {"accept": "application/json"})
    assert [whole.status, part.status, script.status] == [status] * 3
    assert whole.headers["content-type"] == part.headers["content-type"] == HTML
    assert whole.headers["content-security-policy"] == part.headers["content-security-policy"] == CSP
    assert said in whole.body.decode()
    assert said in part.body.decode()
    assert b"<html" in whole.body
    assert b"<html" not in part.body
    assert script.json["message"].startswith(said.replace("&#39;", "'"))
    for answer in (whole, part, script):
        assert b"secret" not in answer.body
    if name == "slow":
        assert whole.headers["retry-after"] == "2"
    if name in {"store", "bug"}:
        assert "secret" in caplog.text  # the operator's log has it


def test_an_address_that_cannot_be_read_is_a_page_too(pages):
    assert pages.get("/test/counted?count=3").body == b"3"
    for query in ("", "?count=", "?count=x"):
        answer = pages.get(f"/test/counted{query}")
        assert answer.status == 422
        assert b"The address cannot be read." in answer.body


def test_a_page_that_names_nobody_cannot_be_made():
    routes = page_router()
    for extra in (None, {}, {"x-nikdev-who": "everyone"}):
        with pytest.raises(ValueError, match="not a valid Who"):
            routes.get("/open", openapi_extra=extra)(lambda: None)


def test_credentials_that_come_twice_are_refused(pages):
    twice = [(b"host", b"here"), (b"authorization", b"a"), (b"authorization", b"b")]
    answer = pages.call("GET", "/test/anyone", raw_headers=twice)
    assert answer.status == 400
