"""A progress bar with rate and time left on a terminal; nothing elsewhere, where the verb's last line says it all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

__all__ = ["Advance", "progress_bar"]

Advance: TypeAlias = Callable[[int, int], None]
"""Takes how far it is, in the unit of the bar's total, and how many things that were."""


@contextmanager
def progress_bar(
    label: str, unit: str, *, total: int, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[Advance]:
    """Show a bar on stderr while the block runs, `unit` being what is counted beside it (`commits`, `rows`)."""
    if not sys.stderr.isatty():
        yield lambda _done, _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    began = monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(label, total=total or 1, count="")

        def advance(done: int, count: int) -> None:
            rate = count / max(monotonic() - began, 0.001)
            bar.update(task, completed=done, count=f"{count:,} {unit}, {rate:,.0f}/s")

        yield advance
