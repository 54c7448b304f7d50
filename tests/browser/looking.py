"""Looking at a page: pictures in both themes and two widths, kept in `.build/screenshots/`, and what axe-core finds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

__all__ = ["SCREENSHOTS", "judge", "look"]

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".build" / "screenshots"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {1280: 800, 390: 844}
_JUDGED = {(1280, "light"), (390, "dark")}
"""Each width and each theme once: contrast hangs on the one, what overlaps on the other."""
_RUN = "options => axe.run(document, options)"
_OPTIONS = {"resultTypes": ["violations"], "preload": False, "elementRef": False}


@cache
def _axe() -> str:
    """The build brings it for tests alone; it is not part of what is published."""
    (path,) = (ROOT / "assets" / "for-tests").glob("axe.min.*.js")
    return path.read_text()


def look(page: Page, name: str) -> None:
    """Keep four pictures of the page as it is, and fail where axe finds anything serious or critical in one of them.

    Nothing may be cut off sideways either: a page that is wider than its window fails.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    found = []
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            # `caret` and `animations` as they are: hiding them takes an inline style, which the policy forbids.
            page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{theme}.png", full_page=True, caret="initial")
            if (width, theme) in _JUDGED:
                found += [f"{width} px, {theme}: {line}" for line in judge(page)]
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            found.append(f"{width} px: the page is {needed} px wide")
    page.emulate_media(color_scheme="null")
    if before is not None:
        page.set_viewport_size(before)
    assert not found, f"{name}:\n" + "\n".join(found)


def judge(page: Page) -> list[str]:
    """Return what axe finds serious or critical, one line for each element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_axe())
    result: dict[str, Any] = page.evaluate(_RUN, _OPTIONS)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
