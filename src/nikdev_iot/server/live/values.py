"""From stored pushes to the values that they brought, without reading them back from the store."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from nikdev_iot.model.values import Kind
from nikdev_iot.server.ingest.entries import EntriesPush
from nikdev_iot.server.ingest.group import Push
from nikdev_iot.server.ingest.packs import PackPush
from nikdev_iot.server.ingest.templates import Layout, Templates
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.latest import newest_of
from nikdev_iot.wire.frame import RAW

from .events import MAX_POINTS, Point, shown

__all__ = ["Brought", "ValueReader"]

_time = itemgetter(0)


class Brought:
    """What pushes of one device brought, as far as it can be told one by one."""

    __slots__ = ("_layout", "_rows", "_times", "count", "is_complete", "latest", "points")

    def __init__(self) -> None:
        self.points: dict[str, list[Point]] = {}
        self.count = 0
        self.is_complete = True
        """Whether all values are among the points."""
        self.latest: dict[str, Point] = {}
        """The newest of those that are not among the points."""
        self._layout: Layout | None = None
        self._times: list[int] = []
        self._rows: list[list[Any]] = []

    def add(self, time_us: int, pairs: Iterable[tuple[str, object]]) -> None:
        """Add one commit."""
        self.settle()
        for name, value in pairs:
            self.points.setdefault(name, []).append((time_us, shown(value)))
            self.count += 1

    def add_single(self, time_us: int, layout: Layout, values: list[Any]) -> None:
        """Add one commit of a layout: the next one is likely of the same, and they are taken together."""
        if layout is not self._layout:
            self.settle()
            self._layout = layout
        self._times.append(time_us)
        self._rows.append(values)

    def settle(self) -> None:
        """Put what was taken together among the points."""
        layout, times, rows = self._layout, self._times, self._rows
        if layout is None:
            return
        self._layout, self._times, self._rows = None, [], []
        for (name, kind), column in zip(layout.brought, zip(*rows, strict=True), strict=True):
            values = map(shown, column) if kind is Kind.INT else column
            self.points.setdefault(name, []).extend(zip(times, values, strict=True))
        self.count += len(rows) * len(layout.brought)

    def newest(self) -> dict[str, Point]:
        """Return the newest of each field; of equal times the last one."""
        newest = dict(self.latest)
        for name, found in self.points.items():
            last = max(reversed(found), key=_time) if len(found) > 1 else found[0]
            if name not in newest or newest[name][0] <= last[0]:
                newest[name] = last
        return newest


class ValueReader:
    """Reads pushes; for one thread."""

    def __init__(self) -> None:
        self._templates = Templates()

    def read(self, pushes: Iterable[Push]) -> Brought:
        """Return what these pushes brought."""
        brought = Brought()
        for push in pushes:
            if isinstance(push, EntriesPush):
                for entry in push.entries[-MAX_POINTS:]:
                    brought.add(entry.time_us, entry.values)
                brought.is_complete &= len(push.entries) <= MAX_POINTS
            else:
                brought.is_complete &= self._read_pack(push, brought)
        brought.settle()
        return brought

    def _read_pack(self, push: PackPush, brought: Brought) -> bool:
        """Add a pack; False where only its newest values were."""
        stored = push.stored
        if stored.row_count == 1 and stored.codec == RAW:
            found = self._templates.values(stored.payload)
            if found is not None:
                brought.add_single(*found)
                return True
            pack = push.decode()
            self._templates.learn(pack, stored.payload)
            brought.add(pack.effective_times()[0], [(c.field_id, c.values()[0]) for c in pack.columns if c.data])
            return True
        if not stored.row_count:
            return True
        brought.settle()
        table = decode_table(stored)
        if stored.row_count * len(table.columns) > MAX_POINTS:
            for name, value in newest_of(table).items():
                if name not in brought.latest or brought.latest[name][0] <= value.time_us:
                    brought.latest[name] = (value.time_us, shown(value.value))
            return False
        for (name, _kind), column in table.columns.items():
            times = table.times if column.at is None else table.times[column.at]
            points = brought.points.setdefault(name, [])
            points += [(at, shown(value)) for at, value in zip(times.tolist(), column.data.tolist(), strict=True)]
            brought.count += len(column.data)
        return True
