"""Opening a device's journal, and taking over what 0.5.5 left beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nikdev_iot.journal.journal import Journal

from .config import Config
from .legacy import DEFAULT_NAME, find_shelves, read_shelf

if TYPE_CHECKING:
    from .legacy import Shelf

__all__ = ["open_journal"]


def open_journal(config: Config) -> Journal:
    """Return the journal of the device that `config` names, made where there is none.

    Raises:
        ConfigError: it depends on the device ID which journal that is, and that is missing or no UUID.
        JournalError: it cannot be used.
    """
    path = config.journal_path()
    shelves = _shelves(config) if config.stage_unpushed_entries else []
    for shelf in shelves:
        shelf.make_way(path)
    journal = Journal.open(path, device_id=_device_id(config), durability=config.durability)
    for shelf in shelves:
        shelf.take_over(journal)
    return journal


def _device_id(config: Config) -> str | None:
    return None if config.device_id is None else config.checked_device_id()


def _shelves(config: Config) -> list[Shelf]:
    folder = Path(config.storage_path or "").expanduser()
    names = [DEFAULT_NAME] if config.storage_filename is None else [DEFAULT_NAME, config.storage_filename]
    read = (read_shelf(base, files) for base, files in find_shelves(folder, names))
    return [shelf for shelf in read if shelf is not None]
