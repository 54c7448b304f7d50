"""Packs to make segments of: whatever one journal may have pushed, and plain ones."""

from __future__ import annotations

import random
import uuid
import zlib

from hypothesis import strategies as st
from tests.wire.strategies import texts, today_us, values

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.values import Value
from nikdev_iot.server.segments.gather import Gatherer
from nikdev_iot.server.segments.records import Segment
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire.frame import ZLIB, hash_content
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content, pack_from_commits

DEVICE, ORIGIN = uuid.UUID(int=0xD), uuid.UUID(int=0x0)
NOW_US = 1_790_000_000_000_000

_rows = st.dictionaries(st.sampled_from(["a", "b", "c", "ström"]), values, max_size=4).map(
    lambda row: tuple(row.items())
)
_commits = st.tuples(
    st.integers(0, 30) | today_us, _rows, st.none() | texts, st.just(0) | st.integers(-50, 50), st.booleans()
)
_gaps = st.tuples(st.sampled_from([1, 2, 1000, 2**40]), texts)
plans = st.lists(st.lists(_commits | _gaps, min_size=1, max_size=6), min_size=1, max_size=8)
"""For each pack its commits (time, values, message, shift, uncertain) and gaps (count, reason)."""


def stored_of(pack: Pack, arrival: int = 0, *, device_id: uuid.UUID = DEVICE, received_us: int = NOW_US) -> StoredPack:
    """A pack as the store has it."""
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
        received_us=received_us,
        clock_offset_us=None if arrival % 3 == 0 else arrival * 7,
        key_id=None if arrival % 5 == 0 else uuid.UUID(int=arrival % 2),
        codec=ZLIB,
        content_bytes=len(content),
        payload=zlib.compress(content),
        arrival=arrival,
    )


def packs_of(
    plan: list[list[tuple]], *, origin: uuid.UUID = ORIGIN, first: int = 1, parent: bytes = NO_PACK
) -> list[Pack]:
    """The packs of a plan, each behind the one before."""
    packs, number = [], first
    for planned in plan:
        commits, gaps = [], []
        for one in planned:
            if len(one) == 2:
                gaps.append(Gap(number, *one))
                number = gaps[-1].last + 1
            else:
                time_us, row, message, shift_us, uncertain = one
                commits.append(Commit(number, time_us, row, message, shift_us, uncertain))
                number += 1
        pack = pack_from_commits(origin, commits, parent=parent, gaps=gaps)
        parent = hash_content(encode_content(pack))
        packs.append(pack)
    return packs


def stored_packs(plan: list[list[tuple]]) -> list[StoredPack]:
    """The same as the store has them."""
    return [stored_of(pack, 10 + 3 * place) for place, pack in enumerate(packs_of(plan))]


def gathered(packs: list[StoredPack]) -> Segment:
    """One segment of them all."""
    gatherer = Gatherer(DEVICE, ORIGIN)
    for pack in packs:
        gatherer.add_pack(pack)
    return gatherer.finish()


def plain_plan(
    *, packs: int = 1, rows: int = 100, every_us: int = 1_000_000, fields: int = 3, seed: int = 1
) -> list[list[tuple]]:
    """Floats of two decimals, a second or so apart."""
    walk = random.Random(seed)
    plan, time_us, state = [], NOW_US, [20.0] * fields
    for _ in range(packs):
        commits = []
        for _ in range(rows):
            state = [round(value + walk.gauss(0, 0.3), 2) for value in state]
            row: tuple[tuple[str, Value], ...] = tuple((f"field {n}", value) for n, value in enumerate(state))
            commits.append((time_us + walk.randrange(1_000), row, None, 0, False))
            time_us += every_us
        plan.append(commits)
    return plan


def told(segment: Segment) -> list[tuple]:
    """Everything that a segment holds, so that two can be compared."""
    return [
        (segment.device_id, segment.origin, segment.packs, segment.gaps, segment.messages, segment.erased),
        *(tuple(a.tolist()) for a in (segment.times, segment.numbers, segment.shift_rows, segment.shifts)),
        tuple(segment.uncertain.tolist()),
        *(
            (
                column.field_id,
                column.kind,
                None if column.at is None else tuple(column.at.tolist()),
                tuple(column.data.tolist()) if column.data.dtype == object else column.data.tobytes(),
                str(column.data.dtype),
                tuple(column.erased.tolist()),
            )
            for column in segment.columns
        ),
    ]
