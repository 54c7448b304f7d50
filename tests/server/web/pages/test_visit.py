from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.server.web.pages.people import new_person, new_session

from nikdev_iot.server.errors import Forbidden, NotFound, Unauthorized
from nikdev_iot.server.web.pages.visit import (
    COOKIE,
    Role,
    check_origin,
    find_visit,
    forget_session,
    keep_session,
    session_token,
)


def request(headers=(), *, scheme="http", path_params=None):
    pairs = [(b"host", b"iot.example.org:8321"), *((k.encode(), v.encode()) for k, v in dict(headers).items())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": pairs, "scheme": scheme}
    return Request({**scope, "server": ("iot.example.org", 8321), "path_params": path_params or {}})


@pytest.mark.parametrize(
    "headers",
    [
        {},  # no browser
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "http://iot.example.org:8321"},
        {"origin": "https://iot.example.org:8321"},  # TLS ends at a proxy
        {"sec-fetch-site": "same-origin", "origin": "https://elsewhere"},  # a proxy that gives another host
    ],
)
def test_our_own_pages_may_send_forms(headers):
    check_origin(request(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": ""},
        {"origin": "http://elsewhere.example"},
        {"origin": "http://iot.example.org"},  # another port is another server
        {"origin": "http://iot.example.org:8321.elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": ""},
        {"sec-fetch-site": "cross-site", "origin": "http://iot.example.org:8321"},
    ],
)
def test_other_sites_may_not(headers):
    with pytest.raises(Forbidden, match="another site"):
        check_origin(request(headers))


def test_the_session_is_kept_from_scripts_and_other_sites():
    answer = Response()
    keep_session(answer, request(), "token", lifetime_s=60)
    assert answer.headers["set-cookie"] == "nikdev_session=token; HttpOnly; Max-Age=60; Path=/; SameSite=lax"
    answer = Response()
    keep_session(answer, request(scheme="https"), "token", lifetime_s=60)
    kept = answer.headers["set-cookie"]
    assert kept == "__Host-nikdev_session=token; HttpOnly; Max-Age=60; Path=/; SameSite=lax; Secure"


def test_over_https_only_the_cookie_that_this_host_alone_can_set_counts():
    both = {"cookie": f"{COOKIE}=planted; __Host-{COOKIE}=own"}
    assert session_token(request(both, scheme="https")) == "own"
    assert session_token(request({"cookie": f"{COOKIE}=planted"}, scheme="https")) == ""
    assert session_token(request(both)) == "planted"


def test_and_can_be_taken_away():
    answer = Response()
    forget_session(answer, request())
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith(f'{COOKIE}="";')
    answer = Response()
    forget_session(answer, request(scheme="https"))
    assert answer.headers["set-cookie"].startswith(f'__Host-{COOKIE}="";')
    assert answer.headers["set-cookie"].endswith("; Secure")


@pytest.fixture(params=list(Role))
def person(site, request):
    return new_person(site, site.new_account(), request.param)


def visit_of(site, token, **path_params):
    return find_visit(request({"cookie": f"{COOKIE}={token}"}, path_params=path_params), site.services)


def test_a_visit_is_of_the_person_the_account_and_the_device_in_the_path(site, person):
    visit = visit_of(site, person.token)
    assert (visit.account.id, visit.person.id, visit.email) == (person.account_id, person.id, person.email)
    assert visit.can_edit is (visit.role >= Role.EDITOR)
    assert visit.can_own is (visit.role is Role.OWNER)
    assert visit.is_operator is False
    with pytest.raises(TypeError, match="names no device"):
        _ = visit.the_device
    device = site.new_device(person.account_id)
    assert visit_of(site, person.token, device_id=str(device)).the_device.id == device


def test_whoever_runs_the_server_is_its_operator(site):
    assert visit_of(site, new_person(site, site.new_account(), Role.VIEWER, is_operator=True).token).is_operator


def test_a_device_of_another_account_is_not_there(site, person):
    for name in (str(site.new_device()), "x", ""):
        with pytest.raises(NotFound, match=r"There is no (such )?device"):
            visit_of(site, person.token, device_id=name)


@pytest.mark.parametrize("sent", ["", "x", "é", "x" * 5000])
def test_without_a_session_there_is_no_visit(site, sent):
    with pytest.raises(Unauthorized):
        visit_of(site, sent)


def test_a_session_that_is_over_or_not_yet_whole_opens_nothing(site, person):
    for options in ({"lifetime_us": 0}, {"lifetime_us": -1}, {"awaits_code": True}):
        session = new_session(site, person.id, person.account_id, **options)
        with pytest.raises(Unauthorized):
            visit_of(site, session.token)


def test_the_token_of_forms_is_the_sessions_own_and_does_not_tell_it(site, person):
    csrf = visit_of(site, person.token).csrf
    assert csrf == visit_of(site, person.token).csrf
    other = new_session(site, person.id, person.account_id)
    assert visit_of(site, other.token).csrf != csrf
    assert person.token not in csrf
