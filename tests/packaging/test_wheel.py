"""What is published: the wheel and the sdist are built, and the wheel is installed bare, as on a device."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from tests.unmeasured import unmeasured

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"

pytestmark = [pytest.mark.registry, pytest.mark.slow, pytest.mark.timeout(300)]

# What a device pays for only when it uses it.
HEAVY = {
    "argon2",
    "asyncio",
    "cbor2",
    "click",
    "fastapi",
    "jinja2",
    "msgspec",
    "nikdev_iot.cli",
    "nikdev_iot.server",
    "numpy",
    "pandas",
    "platformdirs",
    "polars",
    "psutil",
    "pyarrow",
    "pydantic",
    "rich",
    "starlette",
    "urllib3",
    "uvicorn",
}
IMPORT = "import json, sys; import nikdev_iot; print(json.dumps([nikdev_iot.__file__, sorted(sys.modules)]))"


def _run(*command: str | Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=unmeasured() | environment,
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def _heavy(modules: list[str]) -> list[str]:
    return [name for name in modules if name in HEAVY or any(name.startswith(f"{heavy}.") for heavy in HEAVY)]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def _install(wheel: Path, folder: Path, *, extras: str = "") -> Path:
    """Install the wheel and what it asks for, at the locked versions, and no more; return the folder of its scripts."""
    locked = re.findall(r"^[\w.-]+==[^\\\n]*", (ROOT / "requirements" / "dev.txt").read_text(), flags=re.MULTILINE)
    (folder / "versions.txt").write_text("\n".join(locked))
    venv.create(folder / "env", with_pip=False)
    scripts = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    # Compiled when it is run, as far as it is run: that takes half the time.
    _pip(scripts, "install", "--quiet", "--no-compile", "-c", folder / "versions.txt", f"{wheel}{extras}")
    return scripts


def _pip(scripts: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the pip of the tests for another environment, which then needs none."""
    return _run(sys.executable, "-m", "pip", "--python", scripts / "python", *arguments)


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a bare install."""
    return _install(wheel, tmp_path_factory.mktemp("device"))


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel: Path) -> None:
    source = {
        str(path.relative_to(SOURCE))
        for path in (SOURCE / "nikdev_iot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == source


def test_the_wheel_is_typed_licensed_and_for_every_platform(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "nikdev_iot/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "License-Expression: MIT" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert {"server", "collect", "pandas", "polars", "arrow"} == set(
        re.findall(r"^Provides-Extra: (.+)$", metadata, re.MULTILINE)
    )


def test_the_wheel_holds_the_servers_pages(wheel: Path) -> None:
    pages = {
        str(path.relative_to(SOURCE))
        for path in (SOURCE / "nikdev_iot" / "server").rglob("*")
        if path.suffix in {".html", ".css", ".js", ".svg"}
    }
    assert pages
    with zipfile.ZipFile(wheel) as archive:
        assert pages <= set(archive.namelist())


def test_the_wheel_holds_the_browser_libraries_under_hashed_names_with_their_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = {
            name.rpartition("/")[2]: archive.read(name) for name in archive.namelist() if "/static/vendor/" in name
        }
        everything = archive.namelist()
    licences = found.pop("licenses.txt").decode()
    assert "Permission to use, copy, modify" in licences
    assert "Copyright (c) 2022 Leon Sorokin" in licences
    plain = {}
    for name, content in found.items():
        stem, digest, suffix = name.rsplit(".", 2)
        assert hashlib.sha256(content).hexdigest().startswith(digest)
        plain[f"{stem}.{suffix}"] = len(digest)
    assert plain == {"htmx.min.js": 12, "uplot.min.js": 12, "uplot.min.css": 12}
    assert not [name for name in everything if "axe" in name or "node_modules" in name]  # only the tests need it


def test_the_sdist_is_built_without_npm(dist: Path, tmp_path: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert not list(source.glob("assets/for-tests"))
    (tmp_path / "bin").mkdir()
    environment = {"PATH": str(tmp_path / "bin")}
    done = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source, **environment)
    assert "Successfully built" in done.stdout
    (built,) = tmp_path.glob("*.whl")
    (published,) = dist.glob("*.whl")
    assert built.read_bytes() == published.read_bytes()


def test_the_sdist_holds_what_it_takes_to_build_and_test(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "requirements/dev.txt"}
    assert wanted | {"hatch_build.py", "assets/package.json", "assets/package-lock.json"} <= names
    assert "tests/packaging/test_wheel.py" in names
    assert not {name for name in names if name.startswith((".venv", ".build", ".git/"))}


def test_a_device_gets_a_handful_of_packages(device: Path) -> None:
    rows = json.loads(_pip(device, "list", "--format", "json").stdout)
    names = {row["name"].lower() for row in rows} - {"pip", "setuptools", "nikdev-iot"}
    assert names == {"urllib3", "platformdirs", "click", "rich", "markdown-it-py", "mdurl", "pygments"} | (
        {"colorama"} if sys.platform == "win32" else set()
    )


def test_import_on_a_device_loads_nothing_heavy(device: Path) -> None:
    file, modules = json.loads(_run(device / "python", "-I", "-c", IMPORT).stdout)
    assert str(device.parent) in file
    assert _heavy(modules) == []


def test_help_works_on_a_device(device: Path) -> None:
    done = _run(device / "nikdev", "--help")
    assert "push" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("verb", [["serve"], ["admin", "account", "add", "a@example.org", "--password-stdin"]])
def test_a_server_verb_on_a_device_says_what_to_install(device: Path, verb: list[str], tmp_path: Path) -> None:
    done = _run(device / "nikdev", *verb, "--data", tmp_path, check=False)
    assert done.returncode != 0
    assert "pip install 'nikdev-iot[server]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2  # what is missing; what to run


def test_the_extras_are_all_that_a_server_and_its_readings_need(wheel: Path, tmp_path: Path) -> None:
    scripts = _install(wheel, tmp_path, extras="[server,collect]")
    server = subprocess.Popen(
        [scripts / "nikdev", "serve", "--port", "0", "--data", tmp_path / "store"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=unmeasured(),
    )
    assert server.stdout is not None
    try:
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, server.communicate(timeout=20)
        for path in ("/healthz", "/api/v1/openapi.json", "/"):
            with urllib.request.urlopen(found[0] + path, timeout=20) as answer:
                assert answer.status == 200
        done = _run(scripts / "nikdev", "collect", "host", "--help")
        assert "--every" in done.stdout
        _run(scripts / "python", "-c", "from nikdev_iot.cli.collect.readings import load_psutil; load_psutil()")
    finally:
        server.terminate()
        _, log = server.communicate(timeout=30)
    assert server.returncode == 0, log
