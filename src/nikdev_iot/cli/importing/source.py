"""A file on disk as rows: what kind it is, its bytes as text, and how far it has been read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Literal, TextIO

from .cells import FileRefused, Row
from .csv_source import read_csv, sniff_delimiter
from .json_source import read_json_array, read_json_lines

__all__ = ["FORMATS", "Source", "file_sha256", "open_source"]

FORMATS = ("csv", "json", "jsonl")
_HEAD_LINES = 40
MAX_LINE_CHARS = 16 * 1024 * 1024
MAX_ARRAY_CHARS = 16 * MAX_LINE_CHARS
"""A JSON array is read whole, before its first object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that is being read."""

    format: str
    """One of `FORMATS`."""
    columns: tuple[str, ...] | None
    """None where they show only row by row."""
    repeated: dict[str, tuple[int, ...]] = field(default_factory=dict)
    rows: Iterator[Row] = field(repr=False)
    read_bytes: Callable[[], int] = field(repr=False)
    """How far the file has been read."""


@contextmanager
def open_source(
    path: Path, *, file_format: str | None = None, delimiter: str | None = None, encoding: str = "utf-8"
) -> Iterator[Source]:
    """Open a file as rows.

    Without `file_format` a file that begins with `[` is a JSON array, one with `{` JSON lines, any other CSV.

    Raises:
        FileRefused: it is empty, has no header, or is not in that encoding; the rows raise the last one, too.
        OSError: it cannot be read.
    """
    # newline="" because a quoted cell may hold a line break, which is part of it.
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=_with_mark(encoding), newline="") as file:
        lines = _decoded(file, path, encoding)
        head = _head(lines) if file_format != "json" else []
        kind = file_format or _kind_of(head)
        every: Iterator[str] = chain(head, lines)
        if kind != "json":
            head = list(_whole(head))
            every = _whole(every)
        if kind == "csv":
            table = read_csv(every, delimiter=delimiter or sniff_delimiter(head))
            columns, repeated, rows = table.columns, table.repeated, table.rows
        else:
            columns, repeated = None, {}
            rows = read_json_lines(every) if kind == "jsonl" else read_json_array(_joined(every))
        yield Source(format=kind, columns=columns, repeated=repeated, rows=rows, read_bytes=raw.tell)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind_of(head: Iterable[str]) -> Literal["csv", "json", "jsonl"]:
    first = next((line.lstrip() for line in head if line.strip()), "")
    return "json" if first.startswith("[") else "jsonl" if first.startswith("{") else "csv"


def _with_mark(encoding: str) -> str:
    """Return the form of the encoding that passes over a byte order mark."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding


def _head(lines: Iterator[str]) -> list[str]:
    """Return the first lines; no more than one of them is a very long one."""
    head = []
    for line in islice(lines, _HEAD_LINES):
        head.append(line)
        if len(line) >= MAX_LINE_CHARS:
            break
    return head


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Give the lines that `_decoded` gave, none of them in parts."""
    for number, line in enumerate(lines, 1):
        if len(line) >= MAX_LINE_CHARS and line[-1] not in "\r\n":
            raise FileRefused(
                f"line {number}: this line is longer than {MAX_LINE_CHARS} characters.",
                hint="Nothing was imported. Is it a file of readings? If it is one JSON array: --format json.",
            )
        yield line


def _joined(lines: Iterable[str]) -> str:
    parts = []
    chars = 0
    for line in lines:
        chars += len(line)
        if chars > MAX_ARRAY_CHARS:
            raise FileRefused(
                f"The JSON array is longer than {MAX_ARRAY_CHARS} characters, and it is read whole.",
                hint="Nothing was imported. Write one object per line instead: a file of those may be of any length.",
            )
        parts.append(line)
    return "".join(parts)


def _decoded(file: TextIO, path: Path, encoding: str) -> Iterator[str]:
    """Give the lines of a file, a very long one in parts."""
    try:
        yield from iter(lambda: file.readline(MAX_LINE_CHARS), "")
    except UnicodeError as error:
        with path.open("rb") as raw:
            guess = "utf-16" if raw.read(2) in {b"\xff\xfe", b"\xfe\xff"} else "latin-1 or cp1252"
        raise FileRefused(
            f"line {_line_of_damage(path, encoding)}: this is not {encoding} text ({error}).",
            hint=f"Nothing was imported. Say what it is: --encoding {guess}.",
        ) from None


def _line_of_damage(path: Path, encoding: str) -> int:
    """Return the first line that cannot be decoded, 1 where lines cannot be told apart."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(4 * MAX_LINE_CHARS), b""), 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return 1
