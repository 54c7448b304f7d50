from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files

import pytest

from nikdev_iot.server.web.pages.assets import _JOINED, asset, assets

STATIC = files("nikdev_iot.server.web.pages").joinpath("static")
JS = sorted(name for name in assets()[1] if name.startswith("js/"))
CSS = sorted(name for name in assets()[1] if name.endswith(".css") and name not in _JOINED)


def test_an_address_has_the_digest_of_all_of_them():
    digest, made = assets()
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert asset("css/base.css") == f"/assets/{digest}/css/base.css"
    assert {"css/base.css", "css/tokens.css", "js/page.js", "icon.svg"} <= set(made)


def test_the_digest_changes_with_any_of_them(monkeypatch):
    before = assets()[0]
    assets.cache_clear()
    monkeypatch.setattr("nikdev_iot.server.web.pages.assets._walk", lambda _: {"css/base.css": b"other"})
    assert assets()[0] != before
    assets.cache_clear()
    monkeypatch.undo()
    assert assets()[0] == before


@pytest.mark.parametrize("name", ["vendor/htmx.min.js", "vendor/uplot.min.js", "vendor/uplot.min.css"])
def test_libraries_go_by_their_plain_names_and_lie_under_hashed_ones(name):
    content = assets()[1][name].content
    stem, suffix = name.removeprefix("vendor/").rsplit(".", 1)
    hashed = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
    assert STATIC.joinpath("vendor", hashed).read_bytes() == content


def test_what_is_not_there_is_an_error_that_says_where_libraries_come_from():
    with pytest.raises(KeyError, match=r"no static file 'css/x\.css'"):
        asset("css/x.css")
    with pytest.raises(KeyError, match="it comes with the build: pip install --editable"):
        asset("vendor/x.js")


@pytest.mark.parametrize(("name", "parts"), _JOINED.items())
def test_style_sheets_that_come_together_are_one(name, parts):
    made = assets()[1]
    assert made[name].content == b"\n".join(made[part].content for part in parts)
    assert not STATIC.joinpath(name).is_file()


def test_what_is_squeezed_is_the_same():
    for found in assets()[1].values():
        assert found.squeezed is None or gzip.decompress(found.squeezed) == found.content
    assert assets()[1]["vendor/uplot.min.js"].squeezed is not None


def test_types_are_exact():
    types = {found.type for found in assets()[1].values()}
    assert types <= {"text/javascript", "text/css", "image/svg+xml", "text/plain"}


@pytest.mark.parametrize("name", JS)
def test_modules_import_what_is_there(name):
    """By relative addresses: they then have the digest of their importer, and no cache mixes versions."""
    text = assets()[1][name].content.decode()
    for imported in re.findall(r'\b(?:from\s+|import\s+|import\()"([^"]+)"', text):
        assert imported.startswith("./"), f"{name} imports {imported}"
        assert f"js/{imported.removeprefix('./')}" in assets()[1], f"{name} imports {imported}"


@pytest.mark.parametrize("name", JS)
def test_modules_do_nothing_that_the_policy_refuses(name):
    text = assets()[1][name].content.decode()
    found = re.findall(r'\beval\(|\bnew Function\b|setAttribute\(\s*"style"|\bhttps?://(?!www\.w3\.org/)\S+', text)
    assert found == []


@pytest.mark.parametrize("name", CSS)
def test_style_sheets_ask_for_nothing_elsewhere(name):
    text = assets()[1][name].content.decode()
    assert re.findall(r"@import|url\((?!['\"]?data:)", text) == []


@pytest.mark.parametrize("name", [name for name in CSS if not name.startswith("vendor/") and name != "css/tokens.css"])
def test_colours_have_their_names_in_one_file(name):
    text = re.sub(r"/\*.*?\*/", "", assets()[1][name].content.decode(), flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)|\b(?:rgb|hsl|oklch|lab)a?\(", text) == []
