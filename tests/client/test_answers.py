from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.answers import Answer, NotOurs

URL = "http://h/api/v1/x"


def answer(status: int, body: str | bytes, kind: str = "", **headers: str) -> Answer:
    raw = body.encode() if isinstance(body, str) else body
    return Answer(URL, status, {"content-type": kind, **headers}, raw)


def test_what_a_nikdev_server_says_is_repeated() -> None:
    text = answer(404, '{"message": "no field x", "code": "not-found"}', "application/json").explain()
    assert text == "The server at http://h/api/v1/ says: no field x (HTTP 404)"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:8443/iot/api/v1/origins/af3c-11?after=/api/v1/", "https://h:8443/iot/api/v1/"),
        ("http://[::1]:80/api/v1/", "http://[::1]:80/api/v1/"),
        ("http://h/else/where", "http://h/"),
    ],
)
def test_a_refusal_names_the_server_by_its_base_url(url: str, shown: str) -> None:
    text = Answer(url, 403, {}, b'{"message": "no"}').explain()
    assert text == f"The server at {shown} says: no (HTTP 403)"


@pytest.mark.parametrize(
    ("body", "kind", "part"),
    [
        ("<html><head><title>\n Sign in to Café </title></head>", "text/html", "'Sign in to Café'"),
        ("<!DOCTYPE html><p>hm", "text/plain", "HTML"),
        ("", "application/json", "nothing"),
        ('{"mess', "application/json", "damaged"),
        ('{"message": 7}', "application/json", "not a NikDev server's"),
        ("Bad Gateway", "text/plain", "'Bad Gateway'"),
        (b"\xff\xfe\x00", "application/octet-stream", "octet-stream"),
    ],
)
def test_what_another_one_says_is_named(body: str | bytes, kind: str, part: str) -> None:
    found = answer(502, body, kind)
    assert found.said() is None
    text = found.explain()
    assert part in text
    assert "502" in text
    assert URL in text
    assert "baseUrl" in text


def test_what_a_server_says_commands_no_terminal() -> None:
    said = json.dumps({"message": "no\x1b[2J\n \u202e\x9b" + "\x07" * 9_000})
    text = answer(400, said, "application/json").explain()
    assert text.startswith("The server at http://h/api/v1/ says: no\\x1b[2J \\u202e\\u009b\\x07")
    assert text.isprintable()
    assert len(text) < 3_000
    assert answer(400, "hm", "text/\x9b2J").explain().isprintable()


def test_a_redirect_is_named_with_its_target() -> None:
    text = answer(302, "", location="https://login.example/").explain()
    assert "https://login.example/" in text
    assert "not followed" in text


def test_json() -> None:
    assert answer(200, "[1, 2.5]").json() == [1, 2.5]
    with pytest.raises(NotOurs, match="HTML"):
        answer(200, "<html></html>", "text/html").json()
    with pytest.raises(NotOurs):
        answer(200, "[" * 100_000).json()


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("0", 0.0), ("x", None), ("-1", None), ("1e99", None), ("nan", None)]
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert answer(429, "", **{"retry-after": text}).retry_after_s == seconds


@pytest.mark.parametrize("body", ["", "<html>", '{"message": "later"}', '{"code": "too-many-requests"}', "[1]"])
def test_only_a_nikdev_server_is_waited_for_longer_than_an_hour(body: str) -> None:
    ours = '{"code": "too-many-requests", "message": "later"}'
    for asked, heeded in (("3600", 3600.0), ("3601", 3600.0), ("86400", 3600.0), ("86401", None)):
        assert answer(503, body, **{"retry-after": asked}).retry_after_s == heeded
    assert answer(503, ours, **{"retry-after": "86400"}).retry_after_s == 86_400.0


@given(st.binary(max_size=300), st.integers(200, 599), st.text(max_size=20))
def test_any_answer_can_be_explained(body: bytes, status: int, kind: str) -> None:
    found = answer(status, body, kind)
    assert len(found.explain()) < 3_000
    assert len(found.not_ours()) < 1_000
