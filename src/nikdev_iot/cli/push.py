"""`nikdev push`: send the queue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nikdev_iot.model.showing import visible

from .folder import open_folder
from .output import counted, json_option, print_json
from .progress import progress_bar

if TYPE_CHECKING:
    from nikdev_iot.client.push import PushProgress

__all__ = ["push"]


@click.command()
@json_option
def push(*, as_json: bool) -> None:
    """Send every commit that the server does not have yet.

    Each arrives exactly once, whatever happens on the way; what was not sent stays queued for the next push.

    \b
    Example:
      nikdev push
    """
    told: list[str] = []
    with _telling(told), open_folder().open_api() as api:
        with progress_bar("Pushing", "commits", total=api.status().unpushed) as advance:

            def progress(state: PushProgress) -> None:
                advance(state.pushed, state.pushed)

            report = api.push(progress)
        aside = api.status().rejected - report.rejected
        told.extend(report.notices)  # which come below
    if as_json:
        counts = {"pushed": report.pushed, "rejected": report.rejected}
        sizes = {"packs": report.packs, "bytes_sent": report.bytes_sent}
        print_json({**counts, **sizes, "notices": list(report.notices)})
        return
    for notice in report.notices:
        click.echo(click.style("Note: ", fg="yellow") + notice)
    if report.pushed:
        click.echo(f"Pushed {counted(report.pushed, 'commit')} in {report.bytes_sent:,} bytes.")
    elif not report.rejected:
        click.echo("Nothing waits to be pushed.")
    if report.rejected:
        click.echo(
            click.style(f"The server refused {counted(report.rejected, 'commit')}", fg="yellow")
            + ", set aside here with the reason: nikdev rejected"
        )
    if aside:
        click.echo(click.style(f"{counted(aside, 'commit')} set aside earlier", fg="yellow") + ": nikdev rejected")


@contextmanager
def _telling(told: list[str]) -> Iterator[None]:
    """Write what goes into the log meanwhile to stderr, at the end, without what was `told` by then."""
    records = logging.getLogger("nikdev_iot")
    kept = _Kept(logging.WARNING)
    records.addHandler(kept)
    try:
        yield
    finally:
        records.removeHandler(kept)
        for text in kept.texts:
            if text not in told:
                click.echo(visible(text), err=True)


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
