"""Made-up packs, the store they lie in, and what a naive reader would make of them."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Value, kind_of
from nikdev_iot.server.query.table import Table
from nikdev_iot.server.storage.port import Storage, WriteTransaction
from nikdev_iot.server.storage.records import Account, Device, NewField, StoredPack
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content, hash_content, pack_from_commits

ORIGINS = tuple(uuid.UUID(int=n) for n in (7, 1 << 64, (1 << 127) + 5))
"""Ordered by the second half, the first half, and the highest bit."""
FIELDS = ("a", "b", "c")
ACCOUNT = uuid.UUID(int=1)


@dataclass(frozen=True)
class Row:
    """One commit, as a naive reader sees it."""

    time_us: int
    origin: uuid.UUID
    number: int
    values: dict[str, Value] = field(compare=False)

    @property
    def place(self) -> tuple[int, uuid.UUID, int]:
        return self.time_us, self.origin, self.number

    def exact(self) -> tuple[Any, ...]:
        """Everything, with kinds told apart (1, 1.0 and True are equal in Python)."""
        return *self.place, sorted((name, exact(value)) for name, value in self.values.items())


def exact(value: Any) -> tuple[str, str]:
    return type(value).__name__, repr(value)


def rows_of_pack(pack: Pack) -> list[Row]:
    return [Row(c.effective_time_us, pack.origin, c.number, dict(c.values)) for c in pack.commits()]


def rows_of_packs(packs: Iterable[Pack]) -> list[Row]:
    """All rows in order: the reference."""
    return sorted((row for pack in packs for row in rows_of_pack(pack)), key=lambda row: row.place)


def narrowed(rows: Iterable[Row], *, fields: Iterable[str], start_us: int, end_us: int) -> list[Row]:
    """What a window shows of rows."""
    kept = []
    for row in rows:
        values = {name: value for name, value in row.values.items() if name in fields}
        if values and start_us <= row.time_us < end_us:
            kept.append(replace(row, values=values))
    return kept


def rows_of_table(table: Table) -> list[Row]:
    rows = [Row(*table.key(at), {}) for at in range(len(table))]
    for (field_id, _kind), column in table.columns.items():
        for at, value in zip(column.rows(len(table)).tolist(), column.data.tolist(), strict=True):
            assert field_id not in rows[at].values
            rows[at].values[field_id] = value
    return rows


def stored_pack(pack: Pack, device_id: uuid.UUID, *, arrival: int = 0, level: int = 1) -> StoredPack:
    content = encode_content(pack)
    times = pack.effective_times()
    return StoredPack(
        device_id=device_id,
        origin=pack.origin,
        first=pack.first,
        last=pack.last,
        hash=hash_content(content),
        parent=pack.parent,
        row_count=pack.row_count,
        min_time_us=min(times, default=0),
        max_time_us=max(times, default=0),
        received_us=0,
        clock_offset_us=None,
        key_id=None,
        codec=1 if level else 0,
        content_bytes=len(content),
        payload=zlib.compress(content, level) if level else content,
        arrival=arrival,
    )


def new_device(storage: Storage, packs: Sequence[Pack] = ()) -> uuid.UUID:
    """Make a device, with these packs stored, in one transaction."""
    device_id = uuid.uuid4()
    with storage.write() as write:
        if storage.account(ACCOUNT) is None:
            write.add_account(Account(id=ACCOUNT, name="a@example.org", created_us=0))
        write.add_device(Device(id=device_id, account_id=ACCOUNT, name="d", created_us=0))
        _put(write, device_id, packs)
    return device_id


def put(storage: Storage, device_id: uuid.UUID, packs: Sequence[Pack]) -> None:
    """Store packs as ingest would: chained, with their fields, in one transaction."""
    with storage.write() as write:
        _put(write, device_id, packs)


def _put(write: WriteTransaction, device_id: uuid.UUID, packs: Sequence[Pack]) -> None:
    keys = {(device_id, pack.origin) for pack in packs}
    parents = {origin: mark.hash for (_, origin), mark in write.marks(keys).items()}
    chained = []
    for pack in packs:
        stored = stored_pack(replace(pack, parent=parents[pack.origin]), device_id)
        parents[pack.origin] = stored.hash
        chained.append(stored)
    fields = sorted({(column.field_id, column.kind) for pack in packs for column in pack.columns})
    write.add_fields([NewField(device_id=device_id, field_id=f, kind=k) for f, k in fields], at_us=0)
    write.put_packs(chained)


# -- strategies --------------------------------------------------------------------------------------

_SETS = tuple(subset for size in (1, 2, 3) for subset in combinations(FIELDS, size))
_WHOLE = (0, 1, -2, 3, INT64_MIN, INT64_MAX, 2**53, 2**53 + 1, -(2**53) - 1, 2**32, -(2**32) + 1)
_REAL = (0.0, 0.5, 1.0, -2.0, 0.1, 1e308, -1e308, 1.7e308, 2.0**53, 5e-324, 1e16, 123456.789)
real = st.sampled_from(_REAL) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Value] = st.sampled_from([*_WHOLE, *_REAL, True, False, "", "x", "é", "\U0001f321"])
"""Drawn from a pool: draws that are cheap leave more time for the shapes of packs."""
texts = st.sampled_from(["x", 'say "hi", twice', "é\n", "=1+1", ""])
plain_values = st.integers(-5, 5) | st.floats(-100, 100) | st.booleans() | texts


@st.composite
def pack_lists(
    draw: st.DrawFn, *, value: st.SearchStrategy[Value] = values, times: st.SearchStrategy[int] | None = None
) -> list[Pack]:
    """Packs of up to three origins, in the order of storing: their times overlap, step back and repeat."""
    if times is None:
        times = st.sampled_from([*range(-4, 13), -(10**6), 500, 10**6])
    following = dict.fromkeys(ORIGINS, 1)
    packs = []
    for origin in draw(st.lists(st.sampled_from(ORIGINS), max_size=6)):
        commits, gaps = [], []
        number = following[origin]
        for _ in range(draw(st.integers(1, 5))):
            if draw(st.integers(0, 9)) == 0:
                gap = Gap(number, draw(st.integers(1, 3)), "lost")
                if gaps and gaps[-1].last == number - 1:
                    continue
                gaps.append(gap)
                number = gap.last + 1
                continue
            pairs = {name: draw(value) for name in draw(st.sampled_from(_SETS))}
            shift = draw(st.sampled_from([0, 0, 0, 5, -3]))
            commits.append(Commit(number, draw(times), tuple(pairs.items()), None, shift))
            number += 1
        following[origin] = number
        packs.append(pack_from_commits(origin, commits, parent=NO_PACK, gaps=gaps))
    return packs


def kinds_of(rows: Iterable[Row]) -> set[tuple[str, int]]:
    return {(name, kind_of(value)) for row in rows for name, value in row.values.items()}
