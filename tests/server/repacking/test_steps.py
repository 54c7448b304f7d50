"""Any history of pushes, re-packs, merges and deletions reads the same as a plain list."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.query.deleting import left, made_deletion, scopes
from tests.server.query.made import ORIGINS, Row, new_device, pack_lists, put, rows_of_pack, rows_of_table

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.ingest.digests import digests_after
from nikdev_iot.server.query.commits import CommitLog, LogCommit
from nikdev_iot.server.query.deletions import Deletions, Scope
from nikdev_iot.server.query.history import Window
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.repacking.policy import Policy
from nikdev_iot.server.repacking.steps import Steps
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits

NOW_US = 1_900_000_000_000_000
EAGER = Policy(rows=1, very_old_us=0, fan_in=2, sizes=(1, 4, 1_000), undo_for_us=1_000)

_history = st.lists(
    st.one_of(
        st.tuples(st.just("push"), pack_lists(value=st.integers(-5, 5) | st.sampled_from(["x", True, 0.5]))),
        st.tuples(st.just("pack"), st.sampled_from(ORIGINS)),
        st.tuples(st.just("merge"), st.sampled_from(ORIGINS)),
        st.tuples(st.just("delete"), scopes()),
        st.tuples(st.just("undo"), st.integers(0, 3)),
        st.tuples(st.just("erase"), st.none()),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path_factory.mktemp("store"))
    yield storage
    storage.close()


class _History:
    """What was done to a device, and what should be there."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        self.device_id = new_device(storage)
        self.now_us = NOW_US
        self.steps = Steps(storage, now_us=lambda: self.now_us, policy=EAGER)
        self.rows: list[tuple[int, Row]] = []
        self.commits: dict[uuid.UUID, dict[int, bytes]] = {}
        self.numbers = dict.fromkeys(ORIGINS, 1)

    def push(self, packs: list[Pack]) -> None:
        packs = [self._moved(pack) for pack in packs]
        before = max((head.arrival for head in self.storage.origins(self.device_id)), default=0)
        put(self.storage, self.device_id, packs)
        stored = self.storage.packs_after(self.device_id, before, limit=100)
        for pack, arrival in zip(packs, [one.arrival for one in stored], strict=True):
            self.rows += [(arrival, row) for row in rows_of_pack(pack)]
            self.commits.setdefault(pack.origin, {}).update(dict(pack.digests()))

    def _moved(self, pack: Pack) -> Pack:
        """The same, behind what the origin has."""
        by = self.numbers[pack.origin] - pack.first
        self.numbers[pack.origin] += pack.count
        commits = [
            Commit(c.number + by, c.time_us, c.values, c.message, c.shift_us, c.uncertain) for c in pack.commits()
        ]
        gaps = [Gap(gap.first + by, gap.count, gap.reason) for gap in pack.gaps]
        return pack_from_commits(pack.origin, commits, parent=NO_PACK, gaps=gaps)

    def delete(self, scope: dict) -> None:
        arrival = max((head.arrival for head in self.storage.origins(self.device_id)), default=0)
        with self.storage.write() as write:
            deletion = made_deletion(self.device_id, made_us=self.now_us, **scope)
            write.add_deletion(
                type(deletion)(**{n: getattr(deletion, n) for n in deletion.__slots__} | {"arrival": arrival})
            )

    def undo(self, which: int) -> None:
        found = self.storage.deletions(self.device_id)
        if which < len(found):
            with self.storage.write() as write:
                done = write.undo_deletion(self.device_id, found[which].id, at_us=9, by="bob@example.org")
            assert done == (found[which].erased_us is None and found[which].is_in_force)

    def check(self) -> None:
        deletions = self.storage.deletions(self.device_id)
        expected = left(self.rows, deletions)
        reader = Reader(self.storage)
        found = rows_of_table(reader.rows(Window(device_id=self.device_id), limit=10_000).table)
        assert [row.exact() for row in found] == [row.exact() for row in expected]
        newest: dict[str, Row] = {}
        for row in expected:
            newest |= dict.fromkeys(row.values, row)
        assert {
            name: (v.time_us, v.origin, v.number, v.value) for name, v in reader.newest(self.device_id).items()
        } == {name: (*row.place, row.values[name]) for name, row in newest.items()}
        log = CommitLog(self.storage)
        shown = {(row.origin, row.number): row for row in expected}
        for _, row in self.rows:
            item = log.item(self.device_id, row.origin, row.number)
            assert isinstance(item, LogCommit)
            values = shown[row.origin, row.number].values if (row.origin, row.number) in shown else {}
            assert dict(item.values) == values
            assert set(item.deleted) == row.values.keys() - values.keys()
        page = log.page(self.device_id, limit=1_000)
        assert len([item for item in page.items if isinstance(item, LogCommit)]) == len(self.rows)
        for origin, digests in self.commits.items():
            assert dict(digests_after(self.storage, (self.device_id, origin), after=0, limit=10_000)[0]) == digests


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_history)
def test_any_history_reads_as_a_plain_list(storage: SqliteStorage, history: list[tuple]) -> None:
    device = _History(storage)
    for what, detail in history:
        device.now_us += 600
        if what in {"push", "delete", "undo"}:
            getattr(device, what)(detail)
        elif what == "erase":
            device.now_us += 2_000
            while device.steps.erase(device.device_id):
                pass
        else:
            getattr(device.steps, what)((device.device_id, detail))
    device.check()


def test_what_is_erased_is_gone_from_the_store(storage: SqliteStorage) -> None:
    device = _History(storage)
    texts = [f"secret <{number}>" for number in range(1, 40)]
    commits = [Commit(number, number, (("a", text), ("b", number))) for number, text in enumerate(texts, 1)]
    device.push([pack_from_commits(ORIGINS[0], [commit], parent=NO_PACK) for commit in commits])
    key = (device.device_id, ORIGINS[0])
    device.delete({"fields": ("a",), "start_us": 0, "end_us": 20})
    assert device.steps.pack(key)
    (deletion,) = storage.deletions(device.device_id)
    assert deletion.erased_us is None  # it can be undone for a while
    assert not device.steps.erase(device.device_id)
    device.check()
    device.now_us += 2_000
    assert device.steps.erase(device.device_id)
    assert not device.steps.erase(device.device_id)
    device.check()
    (deletion,) = storage.deletions(device.device_id)
    assert deletion.erased_us == device.now_us
    with pytest.raises(Conflict, match="for good"):
        Deletions(storage, now_us=lambda: 5).undo(device.device_id, deletion.id, by="bob@example.org")
    segments = storage.segments(device.device_id, [head.id for head in storage.segment_heads(key)])
    held = [pack.payload for pack in storage.packs_after(device.device_id, 0, limit=99)]
    held += [segment.summary + segment.load_body() for segment in segments]
    assert not any(text.encode() in raw for text in texts[:19] for raw in held)
    preview = Deletions(storage, now_us=lambda: 5).preview(
        device.device_id, Scope(start_us=MIN_TIME_US, end_us=MAX_TIME_US)
    )
    assert preview.counts == {"a": 20, "b": 39}


def test_what_a_deletion_covers_of_a_segment_goes_by_packs(storage: SqliteStorage) -> None:
    device = _History(storage)
    device.push([pack_from_commits(ORIGINS[0], [Commit(n, 5, (("a", n),))], parent=NO_PACK) for n in range(1, 9)])
    arrivals = [pack.arrival for pack in storage.packs_after(device.device_id, 0, limit=99)]
    assert device.steps.pack((device.device_id, ORIGINS[0]))
    deletions = Deletions(storage, now_us=lambda: device.now_us)
    whole = Scope(start_us=0, end_us=10)
    assert deletions.preview(device.device_id, whole, arrival=arrivals[2]).counts == {"a": 3}
    deletions.make(device.device_id, whole, reason="a test", by="ada@example.org", arrival=arrivals[2], expected=3)
    device.check()
    device.now_us += 2_000
    assert device.steps.erase(device.device_id)
    device.check()
