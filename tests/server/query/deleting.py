"""Deletions made up for tests, and what a plain list of rows looks like without what they hide."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from tests.server.query.made import FIELDS, ORIGINS, Row

from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import Storage


def made_deletion(device_id: uuid.UUID, **special: Any) -> Deletion:
    """A deletion of everything, unless it is told otherwise."""
    deletion = Deletion(
        id=uuid.uuid4(),
        device_id=device_id,
        fields=None,
        start_us=-(10**9),
        end_us=10**9,
        arrival=2**62,
        value_count=1,
        reason="a test",
        made_us=5,
        made_by="ada@example.org",
    )
    return replace(deletion, **special)


def delete(storage: Storage, deletion: Deletion) -> Deletion:
    """Make it."""
    with storage.write() as write:
        write.add_deletion(deletion)
    return deletion


def undo(storage: Storage, deletion: Deletion) -> None:
    """Undo it."""
    with storage.write() as write:
        assert write.undo_deletion(deletion.device_id, deletion.id, at_us=9, by="bob@example.org")


edges = st.sampled_from([-(10**7), *range(-5, 15), 500, 501, 10**6, 10**7])


@st.composite
def scopes(draw: st.DrawFn) -> dict[str, Any]:
    """What a deletion is about: fields, stretch, one commit, and how many packs were there."""
    start_us, end_us = sorted((draw(edges), draw(edges)))
    return {
        "fields": draw(st.none() | st.lists(st.sampled_from([*FIELDS, "other"]), min_size=1, unique=True).map(tuple)),
        "start_us": start_us,
        "end_us": end_us,
        "commit": draw(st.none() | st.none() | st.tuples(st.sampled_from(ORIGINS), st.integers(1, 4))),
    }


def left(rows: Iterable[tuple[int, Row]], deletions: Sequence[Deletion]) -> list[Row]:
    """The rows, each with the arrival of its pack, that are left: one value at a time, and in order."""
    kept = []
    for arrival, row in rows:
        values: Mapping[str, Any] = {
            name: value
            for name, value in row.values.items()
            if not any(_is_hidden(deletion, arrival, row, name) for deletion in deletions)
        }
        if values:
            kept.append(replace(row, values=dict(values)))
    return sorted(kept, key=lambda row: row.place)


def _is_hidden(deletion: Deletion, arrival: int, row: Row, name: str) -> bool:
    if deletion.undone_us is not None or arrival > deletion.arrival:
        return False
    if deletion.fields is not None and name not in deletion.fields:
        return False
    if deletion.commit is not None and deletion.commit != (row.origin, row.number):
        return False
    return deletion.start_us <= row.time_us < deletion.end_us
