"""From the first start to the first value on a chart, by nothing but what the terminal and the pages say."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from tests.browser.test_connect import run_lines
from tests.browser.visitors import Visitor
from tests.servers import RunningServer

LIMIT_S = 120


def test_the_first_value_is_on_a_chart(
    own_server: RunningServer, arrive: Callable[..., Visitor], tmp_path: Path
) -> None:
    began_s = time.monotonic()
    assert own_server.process is not None
    assert own_server.process.stdout is not None
    said = own_server.process.stdout.readline()
    link = re.search(r"Make the first one at (http://\S+)", said)
    assert link is not None, said
    visitor = arrive(own_server, anonymous=True, permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open(link[1])

    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password", exact=True).fill("a few words are best")
    page.get_by_role("button", name="Make the account").click()

    page.get_by_label("Name of the device").fill("Greenhouse")
    page.get_by_role("button", name="Add device").click()

    page.get_by_role("button", name="Make an API key").click()
    pip, install, address = page.locator("code#install").inner_text().split()
    assert (pip, install) == ("pip", "install")
    with urllib.request.urlopen(address, timeout=20) as wheel:  # test_client_wheel.py installs it
        assert wheel.read(2) == b"PK"
    page.get_by_role("button", name="Copy the lines for Python").click()
    expect(page.get_by_role("button", name="Copy the lines for Python")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()")
    expect(page.get_by_text("waiting for the first value…")).to_be_visible()
    run_lines(lines, tmp_path / "device", with_python=True)

    expect(page.locator('.tile[data-field="temperature"] .figure')).to_have_text("21.5")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    assert time.monotonic() - began_s < LIMIT_S

    page.get_by_role("link", name="I have stored it").click()
    page.get_by_role("link", name="To its values and charts").click()
    expect(page.locator("#device-id")).to_have_text(re.compile(r"^[0-9a-f-]{36}$"))
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
