"""Browser tests: a real server process, a real Chromium, driven as a person would.

    from playwright.sync_api import expect

    def test_a_value_appears_on_the_overview(visitor, look):
        device = visitor.new_device("Balcony")              # with a key; device.id, device.path
        page = visitor.open(device.path)
        expect(page.get_by_text("waiting for the first value")).to_be_visible()
        device.push({"temperature": 21.5}, "first light")   # commits and pushes, as a device does; push_many for a past
        expect(page.get_by_text("21.5")).to_be_visible()
        look(page, "device-overview")                       # four pictures in .build/screenshots/, and axe

The fixtures:

- `visitor`: someone with an account of their own, signed in; `.page` (Playwright's), `.open(path)`, `.new_device()`,
  `.account_id`, `.email`, `.password`, `.server` (its `.storage`, `.add_key(…)`), `.watch`. The server is shared with
  other tests, so its first account (the operator) is somebody else's.
- `stranger`: the same, signed in nowhere.
- `arrive(server, …)`: more visitors, on any server: `arrive(server)`, `arrive(server, email="a@example.org")`,
  `arrive(server, anonymous=True)`, `arrive(own_server)` (of `tests/conftest.py`: a server for this test alone, whose
  first account is the operator's), with Playwright's options of a context: `arrive(server, has_touch=True)`.
- `look(page, name)`: pictures in both themes and two widths, and axe-core: nothing serious or critical, nothing wider
  than its window. Look at the pictures.
- `chromium`: the browser itself.

Each visitor's test fails at its end on any error or warning on the console, error in a script, CSP report, failed
request, or answer of 400 and more (but for forms refused with 4xx, which the page says in words). Where that is what a
test is about: `visitor.watch.allow("404 GET /admin/devices/")`; `visitor.watch.requests` has all that was asked for.

Wait with `expect(…)`, which tries again; `page.wait_for_function` is an eval, which the policy of our pages refuses;
`networkidle` never comes on a page with a stream. Times are shown in Europe/Berlin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.chromium import CHROMIUM, run_chromium
from tests.browser.looking import look as look_at
from tests.browser.visitors import Visitor
from tests.servers import RunningServer

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")  # not longer: see run_chromium
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH (Debian: apt install chromium)")
    with run_chromium() as browser:
        yield browser


@pytest.fixture
def arrive(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Visitor]]:
    arrived: list[Visitor] = []

    def arrive(server: RunningServer, **options: object) -> Visitor:
        arrived.append(Visitor.arrive(chromium, server, tmp_path / "journals", **options))
        return arrived[-1]

    yield arrive
    for visitor in arrived:
        visitor.page.context.close()
    for visitor in arrived:
        visitor.watch.check()


@pytest.fixture
def visitor(arrive: Callable[..., Visitor], server: RunningServer) -> Visitor:
    if not server.storage.count_accounts():
        server.add_account()  # whoever comes first runs the server
    return arrive(server)


@pytest.fixture
def stranger(arrive: Callable[..., Visitor], server: RunningServer) -> Visitor:
    return arrive(server, anonymous=True)


@pytest.fixture
def look() -> Callable[[Page, str], None]:
    return look_at
