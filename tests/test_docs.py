"""The texts name files that exist, and link to pages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "nikdev_iot"

PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?:[\w.-]+/)+(?:[\w.-]+\.(?:py|md|toml|txt|svg))?")


def _paths(text: str) -> set[str]:
    """What is written in backticks and is, as a whole, a path with a folder in it."""
    return {
        found for found in _CODE.findall(text) if _FILE.fullmatch(found) and not found.startswith((".nikdev", "api/"))
    }


def _anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    for link in _LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in _anchors(path.read_text()), f"{page} links to {link}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    named = _paths((ROOT / page).read_text())
    missing = {
        name
        for name in named
        if not any((base / name).exists() for base in (ROOT, SOURCE, SOURCE / "server", SOURCE / "server" / "storage"))
    }
    assert missing == set()
