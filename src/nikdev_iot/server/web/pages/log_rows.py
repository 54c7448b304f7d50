"""Commits and gaps as pages show them: names of fields, figures, keys, and clocks in words. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nikdev_iot.model.values import Kind, Value, kind_of
from nikdev_iot.server.query.commits import LogCommit, LogGap, LogItem
from nikdev_iot.server.query.csv_export import csv_cell
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.records import ApiKey, Field

from .figures import figure

__all__ = ["FEW", "LogRow", "Names", "Pair", "clock_words", "duration_text", "origin_text"]

FEW = 8
"""Values of a commit in a list; the rest comes on demand."""
_SHORT = 60
_RIGHT_US = 1_000_000
"""A clock is not known more exactly than the way to the server is long."""
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


@dataclass(frozen=True, slots=True)
class Pair:
    """One value of a commit."""

    field_id: str
    name: str
    unit: str
    text: str
    """As it is shown."""
    exact: str
    """So that its kind can be read from it: `21`, `21.0`, `true`, `"21"`."""
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of the log."""

    item: LogItem
    is_gap: bool
    origin: str
    key: str
    """The name of the key that pushed it, or what is known of it."""
    clock: str
    """The device's clock in words; '' where the client did not tell it."""
    is_clock_wrong: bool
    continues: bool
    """Whether it came with the push of the line above it."""
    pairs: Sequence[Pair]
    deleted: Sequence[str]
    """Names of fields."""
    more: int
    """How many values are left out."""


class Names:
    """What people call the fields and keys of one device."""

    def __init__(
        self, device_id: uuid.UUID, fields: Sequence[Field], keys: Sequence[ApiKey], *, json_origin: uuid.UUID
    ) -> None:
        self.device_id = device_id
        self.fields = fields
        self._json_origin = json_origin
        self._fields: Mapping[str, Field] = {field.field_id: field for field in fields}
        self._places = {
            field.field_id: (field.position is None, field.position or 0, number) for number, field in enumerate(fields)
        }
        self._keys = {key.id: key for key in keys}

    def field(self, field_id: str) -> str:
        """Return what a field is called."""
        known = self._fields.get(field_id)
        return (known.label if known else "") or field_id

    def key(self, key_id: uuid.UUID | None) -> str:
        """Return which key it is, in words."""
        known = None if key_id is None else self._keys.get(key_id)
        if known is None:
            return "an unknown key"
        return f"the key “{known.name}”" if known.name else f"a key without a name ({str(known.id)[:8]}…)"

    def origin(self, origin: uuid.UUID, *, short: bool = True) -> str:
        """Return an origin as people can tell it from the others."""
        return "JSON v1" if origin == self._json_origin else origin_text(origin, short=short)

    def pairs(self, values: Sequence[tuple[str, Value]], *, short: bool) -> list[Pair]:
        """Return the values of a commit in the order of the device's fields."""
        found = []
        by_field = dict(values)
        for field_id in self._in_order(by_field):
            value = by_field[field_id]
            field = self._fields.get(field_id)
            text = figure(value, field.decimals if field else None)
            if short and len(text) > _SHORT:
                text = f"{text[:_SHORT]}…"
            kind = Kind(kind_of(value)).name.lower()
            found.append(Pair(field_id, self.field(field_id), field.unit if field else "", text, csv_cell(value), kind))
        return found

    def _in_order(self, field_ids: Iterable[str]) -> list[str]:
        last = (True, 0, len(self._fields))
        return sorted(field_ids, key=lambda field_id: self._places.get(field_id, last))

    def row(self, item: LogItem, *, before: LogItem | None = None, few: int | None = FEW) -> LogRow:
        """Return a line of the log; `before` is the one above it."""
        pushed = item.pushed
        values: Sequence[tuple[str, Value]] = item.values if isinstance(item, LogCommit) else ()
        pairs = self.pairs(values, short=few is not None)
        return LogRow(
            item=item,
            is_gap=isinstance(item, LogGap),
            origin=self.origin(item.origin),
            key=self.key(pushed.key_id),
            clock=clock_words(pushed.clock_offset_us),
            is_clock_wrong=abs(pushed.clock_offset_us or 0) >= 60 * _RIGHT_US,
            continues=before is not None and before.place.arrival == item.place.arrival,
            pairs=pairs[:few],
            deleted=[self.field(name) for name in self._in_order(item.deleted)] if isinstance(item, LogCommit) else [],
            more=0 if few is None else max(0, len(pairs) - few),
        )

    def deleted_fields(self, deletion: Deletion) -> str:
        """Return which fields a deletion is about, in words."""
        if deletion.fields is None:
            return "all fields"
        names = [self.field(field_id) for field_id in deletion.fields]
        return ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")


def origin_text(origin: uuid.UUID, *, short: bool = True) -> str:
    """Return the id of an origin, or its beginning."""
    return f"{str(origin)[:8]}…" if short else str(origin)


def duration_text(duration_us: int) -> str:
    """Return a length of time in words: `3 s`, `5 min`."""
    seconds = abs(duration_us) // 1_000_000
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s" if seconds else f"{abs(duration_us) / 1e6:.3g} s"


def clock_words(offset_us: int | None) -> str:
    """Return how the device's clock went when it pushed; '' where that is not known."""
    if offset_us is None:
        return ""
    if abs(offset_us) < _RIGHT_US:
        return "device clock right"
    return f"device clock {duration_text(offset_us)} {'ahead' if offset_us > 0 else 'behind'}"
