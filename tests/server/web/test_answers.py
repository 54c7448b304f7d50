from __future__ import annotations

import asyncio
import json

import pytest

from nikdev_iot.model.errors import Damaged, Malformed, TooLarge, Unsupported
from nikdev_iot.server.errors import Forbidden, Invalid, StorageCorrupt, StorageUnavailable, TooMany, Unauthorized
from nikdev_iot.server.ingest.writer import Backlogged
from nikdev_iot.server.web.answers import SECURITY_HEADERS, WrongMethod, send_error, send_json


def answer(coroutine_of):
    """Return status, headers and JSON of what was sent."""
    sent: list = []

    async def send(message):
        sent.append(message)

    asyncio.run(coroutine_of(send))
    start, body = sent
    assert start["type"] == "http.response.start"
    headers = dict(start["headers"])
    assert int(headers[b"content-length"]) == len(body["body"])
    return start["status"], headers, json.loads(body["body"])


def error_answer(error: Exception):
    return answer(lambda send: send_error(send, error))


def test_json_has_the_security_headers():
    status, headers, body = answer(lambda send: send_json(send, 201, {"a": [1, "é"]}, headers=((b"x-a", b"b"),)))
    assert (status, body) == (201, {"a": [1, "é"]})
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-a"] == b"b"
    assert dict(SECURITY_HEADERS).items() <= headers.items()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Damaged("cut short", place="frame"), 400, "damaged"),
        (Malformed("not a list", place="entries"), 400, "malformed"),
        (Unsupported("version 9", place="frame"), 400, "unsupported"),
        (TooLarge("9 bytes", limit=5, place="body"), 413, "too-large"),
        (Unauthorized("Who?"), 401, "unauthorized"),
        (Forbidden("No."), 403, "forbidden"),
        (Invalid("No."), 422, "invalid"),
        (TooMany("Slowly.", retry_after_s=0.2), 429, "too-many-requests"),
        (Backlogged("Busy."), 503, "busy"),
        (WrongMethod("POST.", allow="POST"), 405, "method-not-allowed"),
    ],
)
def test_each_error_has_its_status_and_code(error, status, code):
    found, _, body = error_answer(error)
    assert (found, body["code"], body["message"]) == (status, code, str(error))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageUnavailable("The disk of the store /srv/secret/store.sqlite3 is full."), 503, "storage-unavailable"),
        (StorageCorrupt("/srv/secret/store.sqlite3 is damaged.", hint="Look at /srv."), 500, "storage-corrupt"),
    ],
)
def test_where_the_store_lies_is_told_to_the_log_and_to_nobody_else(error, status, code, caplog):
    found, _, body = error_answer(error)
    assert (found, body["code"]) == (status, code)
    assert "/srv" not in body["message"]
    assert str(error) in caplog.text


def test_hints_are_part_of_the_message():
    assert error_answer(Forbidden("No access.", hint="Use another key."))[2]["message"] == "No access. Use another key."


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TooMany("Slowly.", retry_after_s=0.2), b"1"),
        (TooMany("Slowly.", retry_after_s=7.1), b"8"),
        (Backlogged("Busy."), b"1"),
        (StorageUnavailable("Full."), b"2"),
    ],
)
def test_when_to_come_again(error, seconds):
    assert error_answer(error)[1][b"retry-after"] == seconds


def test_what_else_programs_act_on():
    assert error_answer(TooLarge("9 bytes", limit=5))[2]["limit"] == 5
    rejected = error_answer(Invalid("No.", rejected=((3, "why"),)))[2]["rejected"]
    assert rejected == [{"number": 3, "reason": "why"}]
    assert "rejected" not in error_answer(Invalid("No."))[2]
    assert error_answer(WrongMethod("GET.", allow="GET"))[1][b"allow"] == b"GET"
    assert b"retry-after" not in error_answer(StorageCorrupt("Damaged."))[1]


def test_an_error_nobody_foresaw_is_logged_and_tells_nothing(caplog):
    status, _, body = error_answer(ZeroDivisionError("the secret of division"))
    assert (status, body["code"]) == (500, "server-error")
    assert "secret" not in body["message"]
    assert "the secret of division" in caplog.text
