from __future__ import annotations

import ast
import shlex
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.web.pages.snippets import PLACEHOLDER, api_url, install_line, snippets

DEVICE = uuid.uuid4()
URL = "https://iot.example.org/api/v1/"


@pytest.mark.parametrize(
    ("scheme", "host", "url"),
    [
        ("http", "127.0.0.1:8321", "http://127.0.0.1:8321/api/v1/"),
        ("https", "iot.example.org", "https://iot.example.org/api/v1/"),
        ("http", "[::1]:8321", "http://[::1]:8321/api/v1/"),
        ("http", "x; rm -rf ~", "http://127.0.0.1:8321/api/v1/"),
        ("http", 'a"b', "http://127.0.0.1:8321/api/v1/"),
        ("http", "", "http://127.0.0.1:8321/api/v1/"),
        ("javascript", "a.b", "http://a.b/api/v1/"),
    ],
)
def test_the_address_is_how_the_browser_got_here(scheme: str, host: str, url: str) -> None:
    assert api_url(scheme, host) == url


def test_every_way_has_address_device_and_key() -> None:
    for key, shown in (
        ("6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44", "6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44"),
        (None, PLACEHOLDER),
    ):
        for snippet in snippets(URL, DEVICE, "Greenhouse", key):
            for part in (URL, str(DEVICE), shown):
                assert part in snippet.code, snippet.id


@given(st.text(max_size=50))
def test_no_name_is_anything_but_a_folder(name: str) -> None:
    python, shell, curl = snippets(URL, DEVICE, name, None)
    assert snippets(URL, DEVICE, "another", None)[0] == python
    assert snippets(URL, DEVICE, "another", None)[2] == curl
    ast.parse(python.code)
    first = shlex.split(shell.code.splitlines()[0])
    assert first[:2] == ["mkdir", "-p"]
    assert first[2] == first[5]
    assert first[2].replace("-", "").isalnum()
    assert not first[2].startswith("-")
    assert len(first) == 6


def test_the_client_comes_from_the_server_itself() -> None:
    assert install_line(URL, "nikdev_iot-1.0-py3-none-any.whl").split()[-1] == (
        f"{URL.removesuffix('/api/v1/')}/dist/nikdev_iot-1.0-py3-none-any.whl"
    )
    assert install_line(URL, None) == "pip install --pre nikdev-iot"
