"""`nikdev push`: send the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

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
    with open_folder().open_api() as api, progress_bar("Pushing", "commits", total=api.status().unpushed) as advance:

        def progress(state: PushProgress) -> None:
            advance(state.pushed, state.pushed)

        report = api.push(progress)
        aside = api.status().rejected - report.rejected
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
