"""Many commits at once, all or none: read into a temporary table first, then put into the journal together."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import Value

from . import origins
from .budget import ROW_BYTES
from .clock import Clock
from .connection import Database
from .errors import AlreadyImported
from .records import BulkReceipt
from .shapes import Shape, add_spec, shape_of, spec_of

if TYPE_CHECKING:
    from .room import RoomKeeper

__all__ = ["commit_many", "import_seen"]

_CHUNK_ROWS = 1000
_serial = itertools.count(1)


def commit_many(
    database: Database,
    rows: Iterable[tuple[int, Mapping[str, Value], str | None]],
    *,
    clock: Clock,
    import_key: str | None,
    again: bool,
    progress: Callable[[int], None] | None,
    room: RoomKeeper | None = None,
) -> BulkReceipt:
    """Do `Journal.commit_many`."""
    if import_key is not None and not again:
        _refuse_seen(database, import_key)  # before the work, and once more when it counts
    table = f"bulk_{next(_serial)}"
    with database.plain("import") as connection:
        connection.execute(
            f"CREATE TEMP TABLE {table} "
            "(n INTEGER PRIMARY KEY, time_us INTEGER, shape INTEGER, body BLOB, message TEXT)"
        )
    try:
        shapes, count = _read(database, table, rows, progress)
        return _publish(database, table, shapes, count, clock=clock, import_key=import_key, again=again, room=room)
    finally:
        with database.plain("import") as connection:
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _read(
    database: Database,
    table: str,
    rows: Iterable[tuple[int, Mapping[str, Value], str | None]],
    progress: Callable[[int], None] | None,
) -> tuple[list[Shape], int]:
    """Fill the temporary table, in which a row's shape is its place in the list returned."""
    places: dict[tuple[tuple[str, ...], tuple[type, ...]], int] = {}
    shapes: list[Shape] = []
    count = 0
    source = iter(rows)
    while True:
        chunk: list[tuple[int, int, bytes, str | None]] = []
        for time_us, values, message in itertools.islice(source, _CHUNK_ROWS):
            key = tuple(values), tuple(map(type, values.values()))
            place = places.get(key)
            if place is None:
                if not values:
                    raise ValueRefused(f"Row {count + len(chunk) + 1} has no values.", hint="Nothing was committed.")
                place = places[key] = len(shapes)
                shapes.append(shape_of(values))
            chunk.append((time_us, place, shapes[place].encode(values.values()), message))
        if not chunk:
            return shapes, count
        # Only the temporary table is touched: no other program waits for this transaction.
        with database.read("import") as connection:
            connection.executemany(
                f"INSERT INTO temp.{table} (time_us, shape, body, message) VALUES (?, ?, ?, ?)",  # noqa: S608 - ours
                chunk,
            )
        count += len(chunk)
        if progress is not None:
            progress(count)


def _publish(
    database: Database,
    table: str,
    shapes: list[Shape],
    count: int,
    *,
    clock: Clock,
    import_key: str | None,
    again: bool,
    room: RoomKeeper | None,
) -> BulkReceipt:
    with database.write("import") as connection:
        if import_key is not None and not again:
            row = connection.execute("SELECT at_us FROM imports WHERE key = ?", (import_key,)).fetchone()
            if row is not None:
                raise _already(database, import_key)
        if room is not None and count:
            (size_bytes,) = connection.execute(
                f"SELECT sum(? + length(body) + 4 * length(coalesce(message, ''))) FROM temp.{table}",  # noqa: S608 - ours
                (ROW_BYTES,),
            ).fetchone()
            room.make(connection, size_bytes, now_us=clock.now_us)
        connection.execute(f"CREATE TEMP TABLE {table}_shapes (place INTEGER PRIMARY KEY, id INTEGER)")
        connection.executemany(
            f"INSERT INTO temp.{table}_shapes VALUES (?, ?)",  # noqa: S608 - ours
            [(place, add_spec(connection, spec_of(shape))) for place, shape in enumerate(shapes)],
        )
        last_before = origins.last_id(connection)
        connection.execute(
            "INSERT INTO commits (time_us, shape, body, message) "  # noqa: S608 - ours
            f"SELECT b.time_us, s.id, b.body, b.message FROM temp.{table} b "
            f"JOIN temp.{table}_shapes s ON s.place = b.shape ORDER BY b.n"
        )
        connection.execute(f"DROP TABLE temp.{table}_shapes")
        origin = origins.current(connection)
        first = last_before + 1 - origin.base if count else 0
        if import_key is not None:
            connection.execute(
                "INSERT OR REPLACE INTO imports VALUES (?, ?, ?, ?, ?)",
                (import_key, origin.uuid, first, count, clock.now_us()),
            )
    return BulkReceipt(first, first + count - 1 if count else 0, count, uuid.UUID(bytes=origin.uuid))


def import_seen(database: Database, import_key: str) -> BulkReceipt | None:
    """Do `Journal.import_seen`."""
    with database.read("look up an import") as connection:
        row = connection.execute("SELECT first, count, origin FROM imports WHERE key = ?", (import_key,)).fetchone()
    if row is None:
        return None
    first, count, origin = row
    return BulkReceipt(first, first + count - 1 if count else 0, count, uuid.UUID(bytes=origin))


def _refuse_seen(database: Database, import_key: str) -> None:
    if import_seen(database, import_key) is not None:
        raise _already(database, import_key)


def _already(database: Database, import_key: str) -> AlreadyImported:
    return AlreadyImported(
        f"{import_key} was imported into the journal {database.name} before.",
        path=database.name,
        operation="import",
        hint="Nothing was imported. To import it once more all the same, say so (--again).",
    )
