"""`docs/faults.md`: each row is a test that there is, and its words are those of the program."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_CODE = re.compile(r"`([^`]+)`")
_TEST = re.compile(r"tests/[\w/]+\.py::test_\w+")
_NAME = re.compile(r"[A-Za-z_.]+|--?\w+|nikdev \w+")


def _rows() -> list[tuple[str, str, str, str]]:
    rows = []
    for line in (ROOT / "docs" / "faults.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "fault" and not set(line) <= set("|-"):
            assert len(cells) == 4, line
            rows.append((cells[0], cells[1], cells[2], cells[3]))
    return rows


ROWS = _rows()
DEVICE_SIDE = [
    path
    for folder in ("model", "wire", "journal", "client", "cli")
    for path in sorted((ROOT / "src" / "nikdev_iot" / folder).rglob("*.py"))
]


@cache
def _said() -> str:
    """All that the program can say, piece by piece: what a text is put together of stands behind one another."""
    texts = []
    for path in DEVICE_SIDE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


@cache
def _defined(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_are_rows() -> None:
    assert len(ROWS) > 50
    assert len({fault for fault, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_each_row_names_tests_that_there_are(row: tuple[str, str, str, str]) -> None:
    named = _CODE.findall(row[3])
    assert named
    for name in named:
        assert _TEST.fullmatch(name), name
        path, _, function = name.partition("::")
        assert (ROOT / path).exists(), name
        assert function in _defined(path), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_the_words_of_each_row_are_said(row: tuple[str, str, str, str]) -> None:
    _, seen, kept, tests = row
    assert seen
    assert kept
    sources = "\n".join((ROOT / name.partition("::")[0]).read_text() for name in _CODE.findall(tests))
    for words in _CODE.findall(seen):
        if _NAME.fullmatch(words):
            last = words.split()[-1].rpartition(".")[2]
            assert any(last in path.read_text() for path in DEVICE_SIDE), words
            continue
        for piece in (part.strip() for part in words.split("…")):
            assert piece in _said() or piece in sources, f"nobody says {piece!r}"


def test_words_that_nobody_says_are_found() -> None:
    assert "the disk is overfull" not in _said()
    assert "the disk is full" in _said()
