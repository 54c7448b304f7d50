from __future__ import annotations

import threading

from tests.server.web.whole_app import PASSWORD


def test_signing_in_and_out(site):
    account = site.new_account("Ada@example.org")
    answer = site.send("POST", "/api/v1/sessions", {}, {"email": " ada@EXAMPLE.org", "password": PASSWORD})
    assert answer.status == 201
    assert answer.json["account_id"] == str(account)
    assert answer.json["expires_us"] > site.clock()
    headers = {"authorization": f"Bearer {answer.json['token']}"}
    assert site.get("/api/v1/account", headers).json == {
        "account_id": str(account),
        "email": "ada@example.org",
        "created_us": site.clock(),
        "name": "ada@example.org",
        "role": "owner",
    }
    ended = site.call("DELETE", "/api/v1/sessions/current", headers)
    assert (ended.status, ended.body) == (204, b"")
    assert site.get("/api/v1/account", headers).status == 401


def test_a_wrong_password_and_an_unknown_e_mail_are_answered_alike(site):
    site.new_account("bob@example.org")
    answers = [
        site.send("POST", "/api/v1/sessions", {}, {"email": email, "password": "not this one"})
        for email in ("bob@example.org", "nobody@example.org", "no address")
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert answers[0].message == "The e-mail or the password is wrong."


def test_guessing_is_slowed_down(site):
    site.new_account("eve@example.org")
    body = {"email": "eve@example.org", "password": "guess"}
    statuses = []
    for _ in range(12):
        answer = site.send("POST", "/api/v1/sessions", {}, body)
        statuses.append(answer.status)
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json["code"] == "too-many-requests"


def test_what_was_sent_is_never_sent_back(site):
    for body in ({"email": "a@b.c", "password": ["hunter2"]}, {"email": "a@b.c", "pasword": "hunter2"}, "hunter2"):
        answer = site.send("POST", "/api/v1/sessions", {}, body)
        assert answer.status == 422
        assert b"hunter2" not in answer.body


def test_passwords_that_wait_for_their_turn_keep_nothing_else_waiting(site):
    account = site.new_account("busy@example.org")
    session = site.new_session(account)
    key = site.new_key(site.new_device(account))
    free = threading.Event()
    waiting = [site.services.password_executor.submit(free.wait, 30) for _ in range(100)]
    try:
        assert site.get("/api/v1/device", key).status == 200
        assert site.get("/api/v1/values", key).status == 200
        assert site.get("/api/v1/account", session).status == 200
        assert site.get("/healthz").status == 200
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("nikdev-password")]
        assert len(names) <= 2
    finally:
        free.set()
    assert all(done.result(30) for done in waiting)


def test_passwords_are_checked_in_threads_of_their_own(site, monkeypatch):
    seen = []
    whole = site.services.sessions.sign_in

    def sign_in(**options):
        seen.append(threading.current_thread().name)
        return whole(**options)

    monkeypatch.setattr(site.services.sessions, "sign_in", sign_in)
    site.new_session(site.new_account())
    assert seen[0].startswith("nikdev-password")
