"""`nikdev init`: make a folder a device's."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from nikdev_iot.model.errors import ConfigError, NikDevError
from nikdev_iot.model.showing import visible

from .folder import CONFIG_NAME, FOLDER_NAME, FOLDER_VARIABLE, DeviceFolder, read_config, write_config
from .output import counted, json_option, print_json

__all__ = ["init"]

_API_PATH = "/api/v1/"


@click.command()
@click.option("--url", metavar="URL", help="The server.  [default: $NIKDEV_URL, then http://127.0.0.1:8321/api/v1/]")
@click.option("--device", metavar="ID", required=True, help="The Device ID.")
@click.option("--key", metavar="KEY", help="An API key of the device; better not left in your shell's history.")
@click.option("--key-stdin", is_flag=True, help="Read the API key from stdin.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds to wait.  [default: 10]"
)
@click.option("--durability", type=click.Choice(["full", "normal"]), help="normal spares an SD card.  [default: full]")
@click.option(
    "--storage-limit",
    type=click.IntRange(min=1_000_000),
    metavar="BYTES",
    help="What the journal may take of the disk.  [default: no limit]",
)
@click.option(
    "--storage-policy",
    type=click.Choice(["refuse", "drop-oldest", "thin-out"]),
    help="What happens there to commits not pushed.  [default: refuse]",
)
@click.option("--force", is_flag=True, help="Write new settings over those that are there; the journal is kept.")
@json_option
def init(
    *, url: str | None, device: str, key: str | None, key_stdin: bool, force: bool, as_json: bool, **more: Any
) -> None:
    """Make this folder a device's: server, Device ID and API key.

    Makes a .nikdev/ here (or where NIKDEV_DIR says) with the settings, readable by you alone, and the device's journal.
    Without --key or --key-stdin it asks for the key. Nothing is sent.

    \b
    Example:
      nikdev init --url http://127.0.0.1:8321 --device 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44 --key-stdin < key.txt
    """
    folder = _place()
    if (folder / CONFIG_NAME).exists() and not force:
        raise ConfigError(
            f"{folder} is a device's folder already.",
            hint="Nothing was changed. To write new settings, and keep the journal: nikdev init --force",
        )
    settings = {
        "url": _with_path(url or os.environ.get("NIKDEV_URL") or ""),
        "device": _uuid("device", device),
        "key": _uuid("key", _key(key, from_stdin=key_stdin)),
        **more,
    }
    settings = {name: value for name, value in settings.items() if value}
    found = DeviceFolder(folder, settings)
    try:
        config = found.client_config()
    except ConfigError as error:
        # The library's words stand for a setting in a file, which there is not yet.
        named = "The --url" if url else "The environment's NIKDEV_URL"
        message = error.message.replace("The 'baseUrl'", named, 1)
        raise ConfigError(message, key=error.key, hint=f"Nothing was changed. {error.hint}".strip()) from None
    waiting = _left_behind(folder, device=settings["device"]) if force else ""
    write_config(folder, {**settings, "url": config.base_url})
    with found.open_journal() as journal:
        path = journal.path
        origin = journal.origin
    if as_json:
        data = {"folder": str(folder), "url": config.base_url, "device_id": config.device_id}
        print_json({**data, "journal": str(path), "origin": str(origin), "left_behind": waiting})
        return
    click.echo(f"Device {config.device_id} at {config.base_url}, kept in {folder}")
    if waiting:
        click.echo(click.style("Note: ", fg="yellow") + visible(waiting))
    click.echo("Next: nikdev doctor (tests the connection), nikdev add FIELD=VALUE, nikdev commit, nikdev push")


def _place() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else Path.cwd() / FOLDER_NAME


def _left_behind(folder: Path, *, device: str) -> str:
    """Return what waits in the journal of the device that this folder was before; empty where nothing does."""
    try:
        before = DeviceFolder(folder, read_config(folder / CONFIG_NAME))
        old = before.client_config()
        if old.checked_device_id() == device or not old.journal_path().exists():
            return ""
        with before.open_journal() as journal:
            status = journal.status()
    except NikDevError:  # of settings that are mended by this, perhaps: the files stay in any case
        return ""
    counts = {"unpushed": status.unpushed, "set aside": status.rejected}
    waits = [f"{counted(count, 'commit')} {what}" for what, count in counts.items() if count]
    if status.staged:
        waits.append(counted(status.staged, "staged value"))
    if not waits:
        return ""
    return (
        f"The journal of the device before, {old.device_id}, stays in {old.journal_path()} with {', '.join(waits)}, "
        f"and no command shows them now. To send them: nikdev init --force --device {old.device_id}, then nikdev push."
    )


def _with_path(url: str) -> str:
    """Give an address without a path the one that the API has."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # the client says what is wrong with it
    return parts._replace(path=_API_PATH).geturl() if parts.netloc and parts.path in {"", "/"} else url


def _key(key: str | None, *, from_stdin: bool) -> str:
    if key is not None and from_stdin:
        raise click.UsageError("Give --key or --key-stdin, not both.")
    if from_stdin:
        return sys.stdin.readline()
    if key is not None:
        return key
    asked: str = click.prompt("API key", hide_input=True, err=True)
    return asked


def _uuid(name: str, text: str) -> str:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        # The text is not repeated: it may be a key with a letter too many.
        where = "first view" if name == "device" else "section API Keys"
        raise ConfigError(
            f"The --{name} is not of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.",
            key=name,
            hint=f"Nothing was changed. It is in the {where} of your device on the server.",
        ) from None
