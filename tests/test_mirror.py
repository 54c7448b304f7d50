"""tests/ mirrors src/: src/nikdev_iot/journal/log.py is tested by tests/journal/test_log.py."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "nikdev_iot"
TESTS = ROOT / "tests"

# File or folder (ending in /) under src/nikdev_iot: where it is tested, and why not beside its name.
ELSEWHERE: dict[str, str] = {
    "server/errors.py": "by everything that raises them",
    "server/storage/sqlite/leaving.py": "by tests/conformance/storage_leaving.py",
    "server/storage/sqlite/dashboards.py": "by tests/conformance/storage_dashboards.py",
    "server/storage/sqlite/operating.py": "by tests/conformance/storage_operating.py",
    "server/storage/operating.py": "by tests/conformance/storage_operating.py",
    "server/storage/deletions.py": "by tests/conformance/storage_deletions.py",
    "server/storage/sqlite/commit_log.py": "by tests/conformance/storage_commit_log.py",
    "server/storage/sqlite/deletions.py": "by tests/conformance/storage_deletions.py",
    "server/storage/sqlite/segments.py": "by tests/conformance/storage_segments.py",
    "server/storage/sqlite/contents.py": "by tests/conformance/storage_segments.py",
    "server/storage/sqlite/people.py": "by tests/conformance/storage_people.py",
    "server/storage/sqlite/settings.py": "by tests/conformance/storage_people.py",
    "server/storage/sqlite/read_accounts.py": "by tests/conformance/storage_accounts.py",
    "server/storage/sqlite/read_fleet.py": "by tests/conformance/storage_fleet.py",
    "server/storage/sqlite/rows.py": "by tests/conformance, which compares whole records",
    "server/storage/sqlite/write_accounts.py": "by tests/conformance/storage_accounts.py",
}


def _is_covered_elsewhere(name: str) -> str | None:
    for place in (name, *(f"{parent}/" for parent in Path(name).parents)):
        if place in ELSEWHERE:
            return place
    return None


def _has_code(path: Path) -> bool:
    """Whether anything in it runs: declarations (names, dataclasses, protocols, errors without a body) need no test."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)
        for node in ast.walk(ast.parse(path.read_text()))
    )


def _test_file(name: str) -> Path:
    path = Path(name)
    return TESTS / path.parent / f"test_{path.stem.strip('_')}.py"


def _sources() -> list[str]:
    return [str(path.relative_to(SOURCE)) for path in sorted(SOURCE.rglob("*.py")) if _has_code(path)]


def test_every_source_file_has_its_test_file() -> None:
    missing = [name for name in _sources() if not _test_file(name).exists() and not _is_covered_elsewhere(name)]
    assert missing == []


def test_every_exception_is_still_one() -> None:
    used = {_is_covered_elsewhere(name) for name in _sources() if not _test_file(name).exists()}
    assert set(ELSEWHERE) - used == set()
