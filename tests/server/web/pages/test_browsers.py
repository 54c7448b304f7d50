from __future__ import annotations

import pytest

from nikdev_iot.server.web.pages.browsers import browser_words

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 {}Safari/537.36"
_SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 {}"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", "Firefox on Linux"),
        (_CHROME.format("Windows NT 10.0; Win64; x64", ""), "Chrome on Windows"),
        (_CHROME.format("Windows NT 10.0; Win64; x64", "") + " Edg/140.0.0.0", "Edge on Windows"),
        (_CHROME.format("Linux; Android 10; K", "Mobile "), "Chrome on Android"),
        (
            _SAFARI.format("iPhone; CPU iPhone OS 18_5 like Mac OS X", "Mobile/15E148 Safari/604.1"),
            "Safari on iPhone",
        ),
        (
            _SAFARI.format("Macintosh; Intel Mac OS X 10_15_7", "Safari/605.1.15"),
            "Safari on macOS",
        ),
        ("curl/8.5.0", "curl"),
        ("Python-urllib/3.11", "Python"),
        ("my-dashboard/1.0 (kitchen)", "my-dashboard"),
        ("x" * 300, "x" * 40),
        ("", "Unknown"),
        ("/", "Unknown"),
    ],
)
def test_browsers_are_called_what_people_call_them(user_agent, words):
    assert browser_words(user_agent) == words
