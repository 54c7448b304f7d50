from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from nikdev_iot._version import __version__
from nikdev_iot.server.web.pages.client_wheel import made_wheel, wheel_name


def test_the_wheel_of_this_version_can_be_installed_and_used(site, tmp_path: Path) -> None:
    name = wheel_name()
    assert name == f"nikdev_iot-{__version__}-py3-none-any.whl"
    answer = site.get(f"/dist/{name}")
    assert answer.status == 200
    wheel = tmp_path / name
    wheel.write_bytes(answer.body)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if "__pycache__" in name]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    target = tmp_path / "device"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    # pip holds each file against the digest that the wheel's RECORD has of it.
    subprocess.run([*pip, "--no-compile", "--target", target, wheel], check=True, timeout=120)
    code = f"import sys; sys.path.insert(0, {str(target)!r}); from nikdev_iot import Api, __file__; print(__file__)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.startswith(str(target))
    assert (target / "bin" / "nikdev").exists() or (target / "Scripts").exists()


def test_it_is_the_same_each_time() -> None:
    first = made_wheel()
    made_wheel.cache_clear()
    assert made_wheel() == first


def test_there_is_no_other_file(site) -> None:
    for name in ("nikdev_iot-0.5.5-py3-none-any.whl", "..", "%2e%2e", "LICENSE"):
        assert site.get(f"/dist/{name}").status == 404
