"""One row of a benchmark, the machine it ran on, and the table of all."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "machine", "table", "write_into"]

_BEGIN, _END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, what it is measured against, and the aim."""

    what: str
    ours: str
    peer: str
    """The peer's name and figure; empty where there is none."""
    ratio: str
    aim: str
    met: bool


def machine() -> str:
    """Describe this machine in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line[:10] == "model name"
        ]
        model = names[0] if names else model
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    )


def table(rows: list[Row], *, date: str) -> str:
    """Return the rows as a Markdown table under a line about the machine."""
    lines = [
        f"Measured on {date}: {machine()}. Client, server and load share these cores.",
        "",
        "| what | NikDev IoT | beside it | ratio | aim | met |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.what} | {row.ours} | {row.peer or '–'} | {row.ratio or '–'} | {row.aim} "
        f"| {'yes' if row.met else '**no**'} |"
        for row in rows
    ]
    return "\n".join(lines)


def write_into(page: Path, text: str) -> None:
    """Put `text` between the markers of `page`."""
    old = page.read_text()
    head, rest = old.split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    page.write_text(f"{head}{_BEGIN}\n\n{text}\n\n{_END}{tail}")
