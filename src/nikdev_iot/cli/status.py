"""`nikdev status`: how things stand on the device."""

from __future__ import annotations

import click

from nikdev_iot.model.showing import visible

from .folder import open_folder
from .output import counted, json_option, print_json, shown, when

__all__ = ["status"]


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show what is staged, queued and set aside.

    Asks this device alone; `nikdev doctor` asks the server, too.

    \b
    Example:
      nikdev status
    """
    folder = open_folder()
    config = folder.client_config()
    with folder.open_journal() as journal:
        found = journal.status()
        staged = journal.peek_staged()
        path = journal.path
    if as_json:
        print_json(
            {
                "device_id": config.device_id,
                "url": config.base_url,
                "folder": str(folder.path),
                "staged": found.staged,
                "staged_values": staged,
                "unpushed": found.unpushed,
                "rejected": found.rejected,
                "acknowledged_last": found.acknowledged_last,
                "oldest_unpushed_us": found.oldest_unpushed_us,
                "origin": str(found.origin),
                "journal": str(path),
                "size_bytes": found.size_bytes,
                "limit_bytes": found.limit_bytes,
                "policy": found.policy,
                "dropped": found.dropped,
                "dropped_values": found.dropped_values,
            }
        )
        return
    click.echo(f"Device {config.device_id} at {config.base_url}")
    if staged:
        click.echo("Staged for the next commit:")
        for field_id, value in staged.items():
            click.echo(click.style(f"  {visible(field_id)} = {shown(value)}", fg="green"))
    else:
        click.echo("Nothing is staged.")
    if found.unpushed:
        queued = f"{counted(found.unpushed, 'commit')} not pushed yet"
        click.echo(click.style(queued, fg="yellow") + f", the oldest of {when(found.oldest_unpushed_us)}.")
    else:
        click.echo("Nothing waits to be pushed.")
    if found.rejected:
        click.echo(click.style(f"{counted(found.rejected, 'commit')} set aside", fg="red") + ": nikdev rejected")
    if found.dropped:
        dropped = f"{counted(found.dropped, 'commit')} ({counted(found.dropped_values, 'value')}) dropped"
        click.echo(click.style(dropped, fg="red") + " at the storage limit, ever: nikdev log")
    if found.limit_bytes is not None:
        click.echo(f"The journal takes {found.size_bytes:,} of {found.limit_bytes:,} bytes; then: {found.policy}.")
