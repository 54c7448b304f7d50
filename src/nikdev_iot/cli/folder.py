"""A device's folder: `.nikdev/`, found upwards as git does, with its `config.json` and its journal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nikdev_iot.model.errors import ConfigError

if TYPE_CHECKING:
    from nikdev_iot.client.api import Api
    from nikdev_iot.client.config import Config
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.journal.salvage import Salvage

__all__ = [
    "CONFIG_NAME",
    "FOLDER_NAME",
    "FOLDER_VARIABLE",
    "DeviceFolder",
    "find_folder",
    "open_folder",
    "write_config",
]

FOLDER_NAME = ".nikdev"
FOLDER_VARIABLE = "NIKDEV_DIR"
CONFIG_NAME = "config.json"
_KEYS = {
    "url": "baseUrl",
    "device": "deviceId",
    "key": "apiKey",
    "timeout": "requestTimeout",
    "durability": "durability",
    "storage_limit": "storageLimit",
    "storage_policy": "storagePolicy",
}
"""The settings in `config.json`, and what `Api` calls them."""


@dataclass(frozen=True, slots=True)
class DeviceFolder:
    """A device's folder with its settings."""

    path: Path
    """The `.nikdev/` itself."""
    settings: Mapping[str, Any] = field(repr=False)
    """What is in `config.json`; the key is a secret."""

    def client_config(self) -> Config:
        """Return the settings as the client takes them, with the journal in this folder.

        Raises:
            ConfigError: one cannot be used.
        """
        from nikdev_iot.client.config import Config

        given = {_KEYS[name]: value for name, value in self.settings.items()}
        return Config.from_dict({**given, "storagePath": str(self.path)})

    def open_api(self) -> Api:
        """Return an `Api` of this device; raises `ConfigError`."""
        from nikdev_iot.client.api import Api

        return Api(self.client_config())

    def open_journal(self, *, on_salvage: Callable[[Salvage], object] | None = None) -> Journal:
        """Open this device's journal, without anything that talks to a server; raises `JournalError`.

        What became of one that was damaged is told `on_salvage`, or else goes into the log.
        """
        from nikdev_iot.client.opening import open_journal

        return open_journal(self.client_config(), on_salvage=on_salvage)


def find_folder(start: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the device's folder: what `NIKDEV_DIR` names, else the nearest `.nikdev/` from `start` upwards.

    `NIKDEV_DIR` names the `.nikdev/` itself or the folder that holds it. What is found upwards must belong to this user
    (to root: or to who called `sudo`): in a shared folder, anyone could have put it there.

    Raises:
        ConfigError: there is none, or it is another user's.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(FOLDER_VARIABLE)
    if named:
        path = Path(named).expanduser()
        for candidate in (path, path / FOLDER_NAME):
            if (candidate / CONFIG_NAME).is_file():
                return candidate
        raise ConfigError(
            f"{FOLDER_VARIABLE} names {named}, and there is no device in it.",
            key=FOLDER_VARIABLE,
            hint="Make one there with: nikdev init --url URL --device ID --key KEY",
        )
    begin = Path.cwd() if start is None else start
    for folder in (begin, *begin.parents):
        found = folder / FOLDER_NAME
        if (found / CONFIG_NAME).is_file():
            _check_owner(found, environ)
            return found
    raise ConfigError(
        f"This is no device's folder: there is no {FOLDER_NAME}/ in {begin} or above it.",
        hint="Make this folder a device's with: nikdev init --url URL --device ID --key KEY",
    )


def _check_owner(folder: Path, environ: Mapping[str, str]) -> None:
    if not hasattr(os, "geteuid"):
        return
    me = os.geteuid()
    allowed = {str(me), environ.get("SUDO_UID", "")} if me == 0 else {str(me)}
    for path in (folder, folder / CONFIG_NAME):
        if str(path.stat().st_uid) not in allowed:
            raise ConfigError(
                f"{path} belongs to another user, and was not named but found: it may have been put there.",
                hint=f"If you trust it, name it: {FOLDER_VARIABLE}={folder}",
            )


def open_folder() -> DeviceFolder:
    """Find the device's folder from here, and read its settings.

    Raises:
        ConfigError: there is none, or its settings cannot be read.
    """
    path = find_folder()
    return DeviceFolder(path, read_config(path / CONFIG_NAME))


def read_config(file: Path) -> dict[str, Any]:
    """Read `config.json`.

    Raises:
        ConfigError: it cannot be read, is not JSON, or has a setting that is not known.
    """
    hint = "Mend it, or write it anew with: nikdev init --force (the journal is kept)"
    try:
        settings = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.", hint="Is it yours?") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not JSON: {error}.", hint=hint) from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{file} is not a JSON object.", hint=hint)
    for name in settings:
        if name not in _KEYS:
            raise ConfigError(
                f"{file} has the unknown setting {json.dumps(name)}.", key=name, hint=f"There are {', '.join(_KEYS)}."
            )
    return settings


def write_config(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write `config.json` whole or not at all, readable by its owner alone, and keep the folder out of git."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("# A key and a device's own history: not for a repository.\n*\n", "utf-8")
    draft = folder / f"{CONFIG_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(settings, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / CONFIG_NAME)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
