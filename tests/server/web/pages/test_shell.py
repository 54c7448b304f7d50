from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.web.pages.people import new_person

from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.shell import CSP, _environment, age_text, grouped

BEFORE_SIGNING_IN = {"login", "setup", "register", "invitations"}
"""Their forms have no session whose token they could carry."""
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.mark.parametrize(
    ("age_us", "text"),
    [
        (0, "0 s ago"),
        (999_999, "0 s ago"),
        (3 * SECOND, "3 s ago"),
        (119 * SECOND, "119 s ago"),
        (2 * MINUTE, "2 min ago"),
        (119 * MINUTE, "119 min ago"),
        (2 * HOUR, "2 h ago"),
        (47 * HOUR, "47 h ago"),
        (2 * DAY, "2 days ago"),
        (400 * DAY, "400 days ago"),
        (4658 * DAY, "12 years ago"),
        (-3 * SECOND, "in 3 s"),
        (-2 * DAY, "in 2 days"),
    ],
)
def test_ages_in_words(age_us, text):
    assert age_text(age_us) == text


def test_counts_are_grouped_from_five_digits_on():
    assert [grouped(count) for count in (0, 4997, 12_345, 1_234_567)] == [
        "0",
        "4997",
        "12\u202f345",
        "1\u202f234\u202f567",
    ]


@given(st.integers(0, 10**18))
def test_an_age_never_says_more_than_there_was(age_us):
    amount, unit, ago = age_text(age_us).split()
    length = {"s": SECOND, "min": MINUTE, "h": HOUR, "days": DAY, "years": DAY * 1461 // 4}[unit]
    assert ago == "ago"
    assert int(amount) * length <= age_us < (int(amount) + 1) * length


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    directives = dict(part.strip().partition(" ")[::2] for part in CSP.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    for name in ("script-src", "style-src", "connect-src", "form-action"):
        assert directives[name] == "'self'"
    assert "unsafe" not in CSP
    assert "http" not in CSP
    assert "*" not in CSP


def test_every_page_has_its_headers(site):
    answer = site.get("/admin/login")
    assert answer.status == 200
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def _templates():
    return sorted(_environment().list_templates(extensions=["html"]))


@pytest.mark.parametrize("name", _templates())
def test_templates_are_sound_and_have_nothing_inline(name):
    environment = _environment()
    environment.get_template(name)
    text, _, _ = environment.loader.get_source(environment, name)
    assert re.findall(r"""<[^>]*\s(?:style|on[a-z]+|hx-on[^=\s]*)\s*=""", text) == [], "the policy refuses them"
    assert re.findall(r"<style|javascript:", text) == []
    assert "|safe" not in text.replace(" ", ""), "what people and devices say is escaped"
    for attributes in re.findall(r"<script([^>]*)>", text):
        assert "src=" in attributes or 'type="application/json"' in attributes


@pytest.mark.parametrize("name", [name for name in _templates() if name.partition("/")[0] not in BEFORE_SIGNING_IN])
def test_every_form_that_changes_something_carries_its_token(name):
    environment = _environment()
    text, _, _ = environment.loader.get_source(environment, name)
    for form in re.findall(r"<form\b(.*?)</form>", text, flags=re.DOTALL | re.IGNORECASE):
        assert 'name="csrf"' in form or not re.search(r'method="post"', form, re.IGNORECASE), form[:200]


@pytest.mark.parametrize("name", _templates())
def test_static_files_are_named_through_asset(name):
    environment = _environment()
    text, _, _ = environment.loader.get_source(environment, name)
    found = re.findall(r"""\b(?:src|href)\s*=\s*["']([^"']+\.(?:js|css|svg|png))["']""", text)
    assert found == [], "asset('…') gives the address that changes with the content"


def test_pages_are_compressed_where_that_tells_nothing(site):
    somebody = new_person(site, site.new_account(), Role.OWNER)
    squeezed = {**somebody.headers, "accept-encoding": "gzip, br"}
    answer = site.get("/admin/devices", squeezed)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "accept-encoding"
    assert gzip.decompress(answer.body) == site.get("/admin/devices", somebody.headers).body
    # Here another site may have chosen words that stand beside the token of forms.
    answer = site.get("/admin/devices?q=x", squeezed)
    assert "content-encoding" not in answer.headers
    assert somebody.csrf.encode() in answer.body
