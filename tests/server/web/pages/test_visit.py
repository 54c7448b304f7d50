from __future__ import annotations

from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from nikdev_iot.server.errors import Forbidden, NotFound, Unauthorized
from nikdev_iot.server.web.pages.visit import (
    COOKIE,
    check_origin,
    find_visit,
    forget_session,
    keep_session,
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
    assert "; Secure" in answer.headers["set-cookie"]


def test_and_can_be_taken_away():
    answer = Response()
    forget_session(answer)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith(f'{COOKIE}="";')


@pytest.fixture
def signed_in(site):
    """(account, a function that visits with the session's token)."""
    account = site.new_account()
    token = site.new_session(account)["authorization"].removeprefix("Bearer ")

    def visit(sent=token, **path_params):
        return find_visit(request({"cookie": f"{COOKIE}={sent}"}, path_params=path_params), site.services)

    return SimpleNamespace(account=account, token=token, visit=visit)


def test_a_visit_is_of_the_person_and_of_the_device_in_the_path(site, signed_in):
    visit = signed_in.visit()
    assert visit.account.id == signed_in.account
    assert visit.email == site.services.accounts.get(signed_in.account).email
    assert visit.can_edit
    assert visit.can_own
    with pytest.raises(TypeError, match="names no device"):
        _ = visit.the_device
    device = site.new_device(signed_in.account)
    assert signed_in.visit(device_id=str(device)).the_device.id == device


def test_a_device_of_another_account_is_not_there(site, signed_in):
    for name in (str(site.new_device()), "x", ""):
        with pytest.raises(NotFound, match="no such device"):
            signed_in.visit(device_id=name)


@pytest.mark.parametrize("sent", ["", "x", "é", "x" * 5000])
def test_without_a_session_there_is_no_visit(signed_in, sent):
    with pytest.raises(Unauthorized):
        signed_in.visit(sent)


def test_the_token_of_forms_is_the_sessions_own_and_does_not_tell_it(site, signed_in):
    csrf = signed_in.visit().csrf
    assert csrf == signed_in.visit().csrf
    other = site.new_session(signed_in.account)["authorization"].removeprefix("Bearer ")
    assert signed_in.visit(other).csrf != csrf
    assert signed_in.token not in csrf
