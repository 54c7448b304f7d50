"""Connecting a device, with the lines that its page shows, as they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor
from tests.servers import RunningServer


def run_lines(code: str, folder: Path, *, with_python: bool = False) -> str:
    """Run lines as a person pastes them, in a folder of their own; return what they print."""
    folder.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    environment.pop("NIKDEV_DIR", None)
    command = [sys.executable, "-c", code] if with_python else ["sh", "-euc", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("way", ["python", "nikdev", "curl"])
def test_the_lines_work_as_printed(visitor: Visitor, way: str, tmp_path: Path) -> None:
    if way == "curl" and shutil.which("curl") is None:
        pytest.skip("there is no curl")
    device = visitor.server.add_device(visitor.account_id, "Größe & Gewicht")
    page = visitor.open(f"/admin/devices/{device}/connect")
    page.get_by_role("button", name="Make an API key").click()
    expect(page.get_by_text("shown once")).to_be_visible()
    expect(page.get_by_text("waiting for the first value…")).to_be_visible()
    code = page.locator(f"code#{way}").inner_text()
    run_lines(code, tmp_path / "device", with_python=way == "python")
    # The value and its chart come by themselves, and the lines stay.
    expect(page.locator('.tile[data-field="temperature"] .figure')).to_have_text("21.5")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    expect(page.get_by_text("waiting for the first value…")).to_have_count(0)
    expect(page.locator(".device-head .state")).to_have_text(re.compile("online, pushed"))
    expect(page.locator(f"code#{way}")).to_be_visible()


def test_it_looks_right(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    device = visitor.new_device("Greenhouse")
    page = visitor.open(f"{device.path}/connect")
    look(page, "connect")
    page.get_by_role("button", name="Make an API key").click()
    look(page, "connect-key")
    device.push({"temperature": 21.5, "humidity": 48, "door": False, "state": "idle"}, "first light")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()
    look(page, "connect-first-value")
    page.get_by_role("link", name="I have stored it").click()
    expect(page.get_by_text("It is connected")).to_be_visible()


def test_the_overview_waits_for_the_first_value_too(visitor: Visitor, look: Callable[[Page, str], None]) -> None:
    device = visitor.new_device("Greenhouse")
    page = visitor.open(device.path)
    expect(page.get_by_text("waiting for the first value…")).to_be_visible()
    look(page, "overview-waiting")
    device.push({"temperature": 21.5}, "first light")
    expect(page.locator('.tile[data-field="temperature"] .figure')).to_have_text("21.5")
    expect(page.locator("nikdev-chart canvas").first).to_be_visible()


def test_on_a_phone_the_tab_shown_is_in_sight(arrive: Callable[..., Visitor], server: RunningServer) -> None:
    visitor = arrive(server, viewport={"width": 390, "height": 844}, has_touch=True)
    page = visitor.open(f"{visitor.new_device().path}/connect")
    expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_text("waiting for the first value…")).to_be_in_viewport()
