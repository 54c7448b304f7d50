from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from tests.server.web.whole_app import running_site

from nikdev_iot.server.web.pages.overview import age_text

HERE = {"host": "127.0.0.1:8321"}
S = 1_000_000


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def filled(site):
    """A server with a device that sent something, one that did not, and names that are code."""
    account = site.new_account()
    device_id = site.new_device(account, name="<script>alert(1)</script>")
    site.services.fields.add(device_id, "temperature", unit="°C", label="Air & <b>soil</b>")
    site.push(
        site.new_key(device_id),
        [(site.clock() - 90 * S, {"temperature": 21.5, "<i>x": "</td><img src=x onerror=alert(1)>", "on": True})],
    )
    silent = site.new_device(account, name="Silent one")
    return site, device_id, silent


def test_devices_with_their_last_values(filled):
    site, device_id, silent = filled
    answer = site.get("/", HERE)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Parsed(answer.body.decode())
    assert page.open == []
    text = " ".join(page.text.split())
    assert f"Device ID {device_id}" in text
    assert "Air & <b>soil</b> 21.5 °C 90 s ago" in text
    assert "on true 90 s ago" in text
    assert f"Silent one Device ID {silent} – never seen." in text


def test_what_devices_send_is_text_and_never_markup(filled):
    site, _, _ = filled
    page = Parsed(site.get("/", HERE).body.decode())
    assert not {"script", "img", "i", "b", "style"} & {tag for tag, _ in page.tags}
    assert "</td><img src=x onerror=alert(1)>" in page.text


def test_the_page_runs_nothing_and_loads_one_style_sheet(filled):
    site, _, _ = filled
    answer = site.get("/", HERE)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert "script-src" not in policy
    assert "unsafe" not in answer.headers["content-security-policy"]
    page = Parsed(answer.body.decode())
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)
    assert [a["href"] for tag, a in page.tags if tag == "link"] == ["/assets/pages.css"]
    style = site.get("/assets/pages.css")
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "prefers-color-scheme: dark" in style.body.decode()
    assert "url(" not in style.body.decode()
    assert "@import" not in style.body.decode()


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8321", "LOCALHOST", "127.0.0.1", "[::1]:8321", "[::1]"])
def test_it_is_for_this_machine(filled, peer, host):
    site, _, _ = filled
    assert site.get("/", {"host": host}, peer=(peer, 5)).status == 200


def refused(answer):
    assert answer.status == 403
    text = answer.body.decode()
    assert "for the server's own machine" in text.replace("&#39;", "'")
    assert "Device ID" not in text
    assert "21.5" not in text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("peer", ["192.168.1.5", "10.0.0.1", "::2", "2001:db8::1", "::ffff:10.0.0.1", "testclient", ""])
def test_it_is_not_for_other_machines(filled, peer):
    site, _, _ = filled
    refused(site.get("/", HERE, peer=(peer, 5)))


def test_it_is_not_for_who_has_no_address(filled):
    site, _, _ = filled
    refused(site.get("/", HERE, peer=None))


@pytest.mark.parametrize(
    "name",
    [
        *("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"),
        *("X-Forwarded-Port", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"),
    ],
)
@pytest.mark.parametrize("text", ["127.0.0.1", "", "for=127.0.0.1"])
def test_a_proxy_on_this_machine_does_not_open_it_to_others(filled, name, text):
    site, _, _ = filled
    refused(site.get("/", {**HERE, name: text}))


def test_a_proxy_that_says_nothing_but_speaks_http_1_0_does_not_either(filled):
    site, _, _ = filled
    refused(site.get("/", HERE, http_version="1.0"))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8321",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "",
        "[::2]",
        "[",
        "]",
        "[::1]x",
        "[::1]:8321x",
        "[::1",
        "[127.0.0.1]",
        "[localhost]",
        "localhost:",
        "localhost:8321:1",
        "127.0.0.1, evil.example",
        "127.0.0.1/",
        "a@127.0.0.1",
    ],
)
def test_a_name_that_only_resolves_to_this_machine_does_not_either(filled, host):
    site, _, _ = filled
    refused(site.get("/", {"host": host}))


def test_no_host_or_two_of_them(filled):
    site, _, _ = filled
    refused(site.get("/", {}))
    refused(site.get("/", raw_headers=[(b"host", b"localhost"), (b"host", b"evil.example")]))


def test_an_empty_server_says_how_to_begin(tmp_path):
    with running_site(tmp_path) as site:
        text = site.get("/", HERE).body.decode()
        for command in ("nikdev admin account add", "nikdev admin device add", "nikdev admin key add", "nikdev push"):
            assert command in text
        site.new_account()
        text = site.get("/", HERE).body.decode()
        assert "nikdev admin account add" not in text
        assert "nikdev admin device add" in text


def test_very_many_devices_are_not_all_shown(tmp_path, monkeypatch):
    from nikdev_iot.server.web.pages import overview

    monkeypatch.setattr(overview, "_MAX_DEVICES", 3)
    with running_site(tmp_path) as site:
        account = site.new_account()
        for n in range(5):
            site.clock.now_us += 1
            site.new_device(account, name=f"Device {n}")
        text = site.get("/", HERE).body.decode()
        assert re.findall(r"<h2>(.*?)</h2>", text) == ["Device 2", "Device 3", "Device 4"]
        assert "And 2 older devices, not shown here." in text


@pytest.mark.parametrize(
    ("age_us", "text"),
    [
        (0, "0 s ago"),
        (3 * S, "3 s ago"),
        (119 * S, "119 s ago"),
        (120 * S, "2 min ago"),
        (7199 * S, "119 min ago"),
        (7200 * S, "2 h ago"),
        (3 * 86_400 * S, "3 d ago"),
        (-5 * S, "in 5 s"),
    ],
)
def test_ages_in_words(age_us, text):
    assert age_text(age_us) == text


@pytest.mark.parametrize("options", [{"overview": False}, {"trusted_proxies": "127.0.0.1"}, {"trusted_proxies": "*"}])
def test_it_can_be_switched_off_and_is_behind_a_proxy(tmp_path, options):
    with running_site(tmp_path, **options) as site:
        refused(site.get("/", HERE))
