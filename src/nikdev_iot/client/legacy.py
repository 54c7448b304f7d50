"""What the 0.5.5 client left behind: its shelf of staged values and unpushed entries is taken over, once.

0.5.5 kept them with `shelve`, a dbm file of pickles. Nothing of a pickle is executed here: it may hold containers,
numbers and texts, and whatever else it names becomes a placeholder that is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.showing import one_line, short
from nikdev_iot.model.times import to_time_us
from nikdev_iot.model.values import Value, check_field_id, check_value

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal

# dbm and pickle come when there is a shelf: it is looked for whenever a journal is opened, and found once.

__all__ = ["DEFAULT_NAME", "Shelf", "find_shelves", "read_shelf"]

DEFAULT_NAME = "iot_storage.db"
_SUFFIXES = ("", ".db", ".dat", ".dir", ".bak", ".pag")
"""What the various dbm libraries append."""
_UNDER_WAY = ".taking-over"
_DONE = ".taken-over"
_NAMED_LEFT = 5
MAX_VALUE_BYTES = 32 * 1024 * 1024
"""The longest of a shelf's values that is read: some hundred thousand entries."""
MAX_FILES_BYTES = 4 * MAX_VALUE_BYTES
_ALWAYS_READ = 1_000_000
"""So many entries and values are read even where most are one and the same."""
_SQLITE_MAGIC = b"SQLite format 3\0"


def find_shelves(folder: Path, names: Sequence[str]) -> list[tuple[Path, dict[Path, Path]]]:
    """Return what may be shelves: the path that 0.5.5 opened, and its files (as 0.5.5 had them: where they are now).

    0.5.5 put a `_` before the name where it could not open the file.
    """
    found = []
    for name in dict.fromkeys(names):
        for base in (folder / name, folder / f"_{name}"):
            files = {}
            for suffix in _SUFFIXES:
                path = Path(f"{base}{suffix}")
                for place in (path, Path(f"{path}{_UNDER_WAY}")):
                    if place.is_file() and not _is_other_sqlite(place):
                        files[path] = place
            if files:
                found.append((base, files))
    return found


def _is_other_sqlite(path: Path) -> bool:
    """Whether the file is of SQLite and not of Python's `dbm.sqlite3`: a journal, for one."""
    try:
        with path.open("rb") as file:
            head = file.read(16_384)
    except OSError:
        return True  # what cannot be read cannot be taken over
    return head.startswith(_SQLITE_MAGIC) and b"CREATE TABLE Dict" not in head


def _is_database(path: Path) -> bool:
    """Whether it is a file of Berkeley DB (Debian's usual dbm) or of SQLite (that of Python 3.13 and newer)."""
    with path.open("rb") as file:
        head = file.read(16)
    return head.startswith(_SQLITE_MAGIC) or head[12:] in {b"\x61\x15\x06\x00", b"\x00\x06\x15\x61"}


class Shelf:
    """A shelf that was read."""

    def __init__(self, files: dict[Path, Path], key: str, values: object, entries: object) -> None:
        self._files = files
        self.key = key
        """A hash of what it holds: under it, the journal remembers that this was imported."""
        self._values = values
        self._entries = entries
        self._left = 0
        self._first_left: list[str] = []

    def make_way(self, path: Path) -> None:
        """Move the shelf aside where it lies at `path`, which a journal is to take."""
        if path.resolve() in {place.resolve() for place in self._files.values()}:
            for original, place in list(self._files.items()):
                if not place.name.endswith(_UNDER_WAY):
                    self._files[original] = _renamed(place, original, _UNDER_WAY)

    def take_over(self, journal: Journal) -> None:
        """Put it all into the journal, once, however often this is called and interrupted; then rename the files."""
        from nikdev_iot.journal.errors import AlreadyImported

        staged = self._staged()
        if staged:
            journal.stage(staged)
        rows = list(self._commits())
        if rows and journal.import_seen(self.key) is None:
            with suppress(AlreadyImported):  # another process was faster
                journal.commit_many(rows, import_key=self.key, beyond_limit=True)
        for original, place in self._files.items():
            _renamed(place, original, _DONE)
        self._report(len(rows), len(staged), journal)

    def _staged(self) -> dict[str, Value]:
        return dict(self._pairs(self._values, "a staged value"))

    def _commits(self) -> Iterator[tuple[int, dict[str, Value], str | None]]:
        for entry in self._entries if isinstance(self._entries, list) else ():
            stamp = entry.get("timestamp") if isinstance(entry, dict) else None
            try:
                time_us = to_time_us(stamp if isinstance(stamp, int | float) else "")
            except ValueRefused:
                self._leave(f"an entry with the timestamp {short(stamp)}")
                continue
            values = dict(self._pairs(entry.get("values"), f"of the entry of {stamp}"))
            if values:
                yield time_us, values, None

    def _pairs(self, items: object, where: str) -> Iterator[tuple[str, Value]]:
        for item in items if isinstance(items, list) else ():
            for field_id, value in item.items() if isinstance(item, dict) else ():
                try:
                    yield check_field_id(field_id), check_value(field_id, value)
                except ValueRefused as error:
                    self._leave(f"{where}: {error.message}")

    def _leave(self, what: str) -> None:
        self._left += 1
        if self._left <= _NAMED_LEFT:
            self._first_left.append(what)

    def _report(self, entries: int, staged: int, journal: Journal) -> None:
        import logging

        log = logging.getLogger("nikdev_iot.client")
        names = ", ".join(sorted(map(str, self._files)))
        log.info(
            "Took over %d entries and %d staged values of 0.5.5: %s, now in %s.", entries, staged, names, journal.path
        )
        if self._left:
            log.warning(
                "%d values of 0.5.5 could not be taken over, and remain in %s, which is now called *%s: %s",
                self._left,
                names,
                _DONE,
                "; ".join(self._first_left) + ("; …" if self._left > _NAMED_LEFT else ""),
            )


def _renamed(place: Path, original: Path, ending: str) -> Path:
    target = Path(f"{original}{ending}")
    count = 1
    while ending == _DONE and target.exists():
        count += 1
        target = Path(f"{original}.{count}{ending}")
    with suppress(FileNotFoundError):  # another process was faster
        place.replace(target)
    return target


def _load(content: bytes) -> object:
    """Return what a value of a shelf pickles; `ValueError` where it is not worth, or not possible, to read it."""
    from .pickles import load_plain

    if len(content) > MAX_VALUE_BYTES:
        raise ValueError(f"it holds a value of {len(content)} bytes")
    found = load_plain(content)
    # What is written once can be meant any number of times; 0.5.5 writes each entry and each value by itself.
    count = chars = 0
    for entry in found if isinstance(found, list) else ():
        values = entry.get("values") if isinstance(entry, dict) else None
        for item in [entry, *values] if isinstance(values, list) else [entry]:
            inner = item.values() if isinstance(item, dict) else ()
            count += 1 + len(inner)
            chars += sum(len(value) for value in inner if isinstance(value, str))
            if count > max(len(content), _ALWAYS_READ) or chars > MAX_FILES_BYTES:
                raise ValueError("it means the same values again and again")
    return found


def read_shelf(base: Path, files: dict[Path, Path]) -> Shelf | None:
    """Read a shelf from a copy of its files; None where it is none of 0.5.5, or (logged) cannot be read here."""
    import dbm
    import hashlib
    import logging
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="nikdev-") as folder:
        try:
            if sum(place.stat().st_size for place in files.values()) > MAX_FILES_BYTES:
                raise ValueError(f"its files have more than {MAX_FILES_BYTES} bytes")
            for original, place in files.items():
                shutil.copyfile(place, Path(folder, original.name))
            copy = str(Path(folder, base.name))
            if not dbm.whichdb(copy):
                if any(map(_is_database, files.values())):
                    raise OSError("this Python has no library that reads it")
                return None
            with dbm.open(copy, "r") as database:
                raw = {key: bytes(database[key]) for key in (b"version", b"values", b"entries") if key in database}
            if len(raw) < 3:
                return None
            found = {key: _load(content) for key, content in raw.items()}
        except Exception as error:  # noqa: BLE001 - what is in such a file can be anything, and do anything to a reader
            logging.getLogger("nikdev_iot.client").warning(
                "What 0.5.5 left in %s cannot be read here (%s), and stays as it is. If it is the file of another dbm "
                "library, install that (python3-gdbm on Debian) or read it with the Python that wrote it.",
                base,
                one_line(str(error)[:200]) or type(error).__name__,
            )
            return None
    key = "0.5.5:" + hashlib.sha256(b"\0".join(raw[key] for key in sorted(raw))).hexdigest()
    return Shelf(files, key, found[b"values"], found[b"entries"])
