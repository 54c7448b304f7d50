"""The locked requirements: complete, hashed, and bound to no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKED = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _pins(path: Path) -> dict[str, list[Requirement]]:
    """By name; some names have a version for each of several Pythons."""
    pins: dict[str, list[Requirement]] = {}
    for entry in re.findall(r"^[^\s#][^\\\n]*", path.read_text(), flags=re.MULTILINE):
        pin = Requirement(entry)
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def _version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_every_pin_is_hashed_and_names_no_registry(path: Path) -> None:
    text = path.read_text()
    entries = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, flags=re.MULTILINE)


def test_what_the_project_asks_for_is_locked() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    groups = PROJECT["dependency-groups"]
    asked = [*PROJECT["project"]["dependencies"], *groups["dev"], *groups["build"]]
    for requirements in extras.values():
        asked += requirements
    pins = _pins(ROOT / "requirements" / "dev.txt")
    for text in asked:
        wanted = Requirement(text)
        found = pins.get(canonicalize_name(wanted.name), [])
        assert found, f"{wanted.name} is not locked: run make lock"
        assert all(wanted.specifier.contains(_version(pin)) for pin in found), f"{wanted}: run make lock"


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_all_sets_agree_on_versions(path: Path) -> None:
    agreed = _pins(ROOT / "requirements" / "dev.txt")
    for name, pins in _pins(path).items():
        if name in agreed:
            assert {_version(pin) for pin in pins} <= {_version(pin) for pin in agreed[name]}, name
