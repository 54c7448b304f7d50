from __future__ import annotations

import logging

import pytest

from nikdev_iot.model.errors import ConfigError, ValueRefused
from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable, TooMany
from nikdev_iot.server.query.reader import Reader

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/nope", "/api/v1/nope", "/api/v1/values/a/b", "/api/v1/device/", "/docs", "/redoc", "/openapi.json"]
)
def test_what_is_not_there_is_404_in_our_shape(site, path):
    answer = site.get(path)
    assert answer.status == 404
    assert path in answer.message
    assert answer.json["code"] == "not-found"


def test_a_method_that_does_not_go_with_an_address(site):
    answer = site.call("PUT", "/api/v1/account")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert answer.message == "PUT does not go with /api/v1/account."


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 422, "the body: is missing."),
        (b"{", 400, "The body is not valid JSON."),
        (b'{"email": "a@b.c", "password": "\xff"}', 400, None),
        (b"[" * 50_000, None, None),
        (b'{"a":' * 10_000, None, None),
        (b"{}", 422, "email: is missing. password: is missing."),
        (b" " * 70_000, 413, "The body is too large."),
    ],
)
def test_bodies_that_cannot_be_read(site, body, status, message):
    answer = site.call("POST", "/api/v1/sessions", JSON, body)
    assert answer.status == (status or answer.status)
    assert 400 <= answer.status < 500
    assert answer.message == (message or answer.message)


def test_a_body_of_another_type_is_not_taken_for_json(site):
    answer = site.call("POST", "/api/v1/sessions", {"content-type": "text/plain"}, b'{"email": "a", "password": "b"}')
    assert answer.status == 422
    assert answer.message == "the body: not a JSON object."


@pytest.fixture
def failing(site, monkeypatch):
    """Let reading latest values fail with an error, and return a way to ask for them."""
    headers = site.new_key(site.new_device())

    def ask(error):
        def fail(*_):
            raise error

        monkeypatch.setattr(Reader, "newest", fail)
        return site.get("/api/v1/values", headers)

    return ask


def test_a_store_that_cannot_be_reached_is_503_without_its_path(failing, caplog):
    answer = failing(StorageUnavailable("The store /srv/secret/place is locked."))
    assert (answer.status, answer.json["code"]) == (503, "storage-unavailable")
    assert "retry-after" in answer.headers
    assert b"secret" not in answer.body
    assert "/srv/secret/place" in caplog.text


def test_a_store_that_is_damaged_is_500_without_details(failing):
    answer = failing(StorageCorrupt("The pack 1 to 2 of origin X cannot be read back."))
    assert (answer.status, answer.json["code"]) == (500, "storage-corrupt")
    assert answer.message == "The server could not read its store; its log says more."


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), ConfigError("secret detail")])
def test_a_fault_of_the_server_tells_the_log_and_not_the_client(failing, error, caplog):
    with caplog.at_level(logging.ERROR):
        answer = failing(error)
    assert (answer.status, answer.json["code"]) == (500, "server-error")
    assert b"secret" not in answer.body
    assert "secret detail" in caplog.text


def test_other_errors_keep_their_words(failing):
    answer = failing(TooMany("Slow down.", retry_after_s=0.2))
    assert (answer.status, answer.headers["retry-after"], answer.message) == (429, "1", "Slow down.")
    answer = failing(ValueRefused("It cannot be.", hint="Change it."))
    assert (answer.status, answer.message) == (422, "It cannot be. Change it.")
