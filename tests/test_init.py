"""What `nikdev_iot` exports, and what importing it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unmeasured import unmeasured

import nikdev_iot

EXPORTS = [
    "Api",
    "AsyncApi",
    "Config",
    "ConfigError",
    "ConnectionReport",
    "DiskFull",
    "FieldValue",
    "GetException",
    "History",
    "JournalError",
    "JournalGone",
    "JournalLocked",
    "NikDevError",
    "NotPermitted",
    "PushException",
    "PushProgress",
    "PushReport",
    "PushState",
    "Receipt",
    "Series",
    "Status",
    "StorageLimitReached",
    "ValueRefused",
    "__version__",
]
HEAVY = (
    "argon2",
    "asyncio",
    "cbor2",
    "click",
    "dataclasses",
    "dbm",
    "fastapi",
    "http",
    "inspect",
    "logging",
    "numpy",
    "pandas",
    "pickle",
    "platformdirs",
    "psutil",
    "rich",
    "ssl",
    "typing",
    "urllib3",
    "uvicorn",
    "nikdev_iot.cli",
    "nikdev_iot.server",
    "nikdev_iot.wire",
)


def test_the_exports_are_these() -> None:
    assert nikdev_iot.__all__ == EXPORTS
    assert set(EXPORTS) <= set(dir(nikdev_iot))
    for name in EXPORTS:
        assert getattr(nikdev_iot, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nope"):
        nikdev_iot.nope  # noqa: B018


def test_type_checkers_see_each_name_where_it_is_taken_from() -> None:
    tree = ast.parse(Path(str(nikdev_iot.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: f".{node.module}" for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == nikdev_iot._HOMES
    assert sorted([*seen, "__version__"]) == sorted(EXPORTS)


def among(names: str, unwanted: tuple[str, ...]) -> list[str]:
    return [name for name in names.split() if any(f"{name}.".startswith(f"{one}.") for one in unwanted)]


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=unmeasured()
    )
    return done.stdout.strip()


@pytest.mark.parametrize("statement", ["import nikdev_iot", "from nikdev_iot import Api, PushException, GetException"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    assert among(run(program), HEAVY) == []


def test_committing_loads_neither_http_nor_codecs(tmp_path: Path) -> None:
    program = f"""
import sys
before = set(sys.modules)
from nikdev_iot import Api
api = Api({{"storagePath": {str(tmp_path)!r}, "storageFilename": "journal.db"}})
api.add_value("a", 1)
api.commit()
print(*sorted(set(sys.modules) - before))
"""
    unwanted = ("cbor2", "http", "numpy", "platformdirs", "ssl", "urllib3", "nikdev_iot.cli", "nikdev_iot.server")
    assert among(run(program), unwanted) == []


MEASURE = """
import time
began = time.perf_counter()
{statement}
took = time.perf_counter() - began
peak_kb = 0  # of this process: `ru_maxrss` would count what the one before the fork had
try:
    with open("/proc/self/status") as file:
        peak_kb = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
except OSError:
    pass
print(took, peak_kb / 1024)
"""


def test_importing_is_light(capsys: pytest.CaptureFixture[str]) -> None:
    """Aim: 1.6 times the time of a bare minimum of the standard library, and 22 MB; measured in turns."""
    statements = {
        "the standard library's": "import sqlite3, json, http.client",
        "import nikdev_iot": "import nikdev_iot",
        "from nikdev_iot import Api": "from nikdev_iot import Api, PushException, GetException",
    }
    found: dict[str, list[list[float]]] = {name: [] for name in statements}
    for _ in range(5):
        for name, statement in statements.items():
            found[name].append([float(part) for part in run(MEASURE.format(statement=statement)).split()])
    # The least is what it takes; what is above it, the machine was doing beside.
    times = {name: min(row[0] for row in rows) for name, rows in found.items()}
    memory = {name: max(row[1] for row in rows) for name, rows in found.items()}
    bare = times["the standard library's"]
    with capsys.disabled():
        for name in statements:
            print(f"\n{name}: {times[name] * 1000:.1f} ms ({times[name] / bare:.2f}x), {memory[name]:.1f} MB", end="")
    for name in list(statements)[1:]:
        assert times[name] < bare * 1.6
        assert memory[name] < 22
