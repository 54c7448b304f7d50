"""Opening a device's journal, and taking over what 0.5.5 left beside it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from nikdev_iot.journal.budget import Budget
from nikdev_iot.journal.clock import SYSTEM_CLOCK
from nikdev_iot.journal.emptied import is_emptied
from nikdev_iot.journal.errors import JournalDamaged
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.lock import real_path
from nikdev_iot.journal.migrations import APPLICATION_ID
from nikdev_iot.journal.replacement import finish
from nikdev_iot.journal.salvage import Salvage, salvage

from .config import Config
from .legacy import DEFAULT_NAME, find_shelves, read_shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from .legacy import Shelf

__all__ = ["open_journal", "save_what_can_be_read"]


def open_journal(config: Config, *, on_salvage: Callable[[Salvage], object] | None = None) -> Journal:
    """Return the journal of the device that `config` names, made where there is none.

    What became of one that was damaged is told `on_salvage`, or else goes into the log.

    Raises:
        ConfigError: it depends on the device ID which journal that is, and that is missing or no UUID.
        JournalError: it cannot be used.
    """
    path = config.journal_path()
    shelves = _shelves(config) if config.stage_unpushed_entries else []
    for shelf in shelves:
        shelf.make_way(path)
    finish(path)
    if is_emptied(path):
        _tell(salvage(path, now_us=SYSTEM_CLOCK.now_us(), only_emptied=True), on_salvage)
    try:
        journal = _open(config, path)
    except JournalDamaged as error:
        save_what_can_be_read(path, error, on_salvage=on_salvage)
        journal = _open(config, path)
    for shelf in shelves:
        shelf.take_over(journal)
    return journal


def _open(config: Config, path: Path) -> Journal:
    budget = Budget.of(config.storage_limit_bytes, config.storage_policy)
    return Journal.open(path, device_id=_device_id(config), durability=config.durability, budget=budget)


def save_what_can_be_read(
    path: Path, error: JournalDamaged, *, on_salvage: Callable[[Salvage], object] | None = None
) -> Salvage | None:
    """Set a damaged journal aside and begin a new one with what can be read of it; say so `on_salvage` or in the log.

    Raises:
        JournalDamaged: `error`, where the file may be somebody else's: it is left alone.
        JournalError: there is no room for the new one, or the folder cannot be written.
    """
    if not _is_a_journal(path):
        raise error
    found = salvage(path, now_us=SYSTEM_CLOCK.now_us())
    _tell(found, on_salvage)
    return found


def _tell(found: Salvage | None, on_salvage: Callable[[Salvage], object] | None) -> None:
    if found is None:
        return
    if on_salvage is not None:
        on_salvage(found)
    else:
        logging.getLogger("nikdev_iot").warning("%s", found)


def _is_a_journal(path: Path) -> bool:
    """Return whether it is one of ours, or what a broken disk left of one."""
    with path.open("rb") as file:
        head = file.read(100)
    if head.startswith(b"SQLite format 3\0"):
        return int.from_bytes(head[68:72], "big") == APPLICATION_ID
    return not any(head) or real_path(path).name.startswith("nikdev-")


def _device_id(config: Config) -> str | None:
    return None if config.device_id is None else config.checked_device_id()


def _shelves(config: Config) -> list[Shelf]:
    folder = Path(config.storage_path or "").expanduser()
    names = [DEFAULT_NAME] if config.storage_filename is None else [DEFAULT_NAME, config.storage_filename]
    read = (read_shelf(base, files) for base, files in find_shelves(folder, names))
    return [shelf for shelf in read if shelf is not None]
