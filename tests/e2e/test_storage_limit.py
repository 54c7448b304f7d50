"""A journal at its limit, against a server: what is neither there nor here is declared, and nothing is there twice."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.servers import RunningServer

from nikdev_iot import Api
from nikdev_iot.client.reconciling import go_back, go_on
from nikdev_iot.client.settlement import SetBack, Stored, Unknown, judge
from nikdev_iot.journal.budget import Budget, StorageLimitReached, StoragePolicy
from nikdev_iot.journal.errors import StalePack
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import SentPack
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content, hash_content

_TEXT = "x" * 2000
_LIMITS = (250_000, 400_000)


class Server:
    """What a server has of one origin: the plainest there can be."""

    def __init__(self) -> None:
        self.mark = SimpleNamespace(number=0, hash=NO_PACK)
        self.epoch = 0
        self.commits: dict[int, int] = {}
        self.digests: dict[int, bytes] = {}
        self.gaps: dict[int, str] = {}

    def store(self, pack: Pack, pack_hash: bytes) -> None:
        assert (pack.first, pack.parent) == (self.mark.number + 1, self.mark.hash)
        (numbers,) = (column.data for column in pack.columns if column.field_id == "n")
        self.commits.update(zip(pack.numbers(), numbers, strict=True))
        self.digests.update(pack.digests())
        for gap in pack.gaps:
            self.gaps.update(dict.fromkeys(range(gap.first, gap.last + 1), gap.reason))
        self.mark = SimpleNamespace(number=pack.last, hash=pack_hash)

    def copy(self) -> Server:
        made = Server()
        made.mark, made.epoch = self.mark, self.epoch
        made.commits, made.digests, made.gaps = dict(self.commits), dict(self.digests), dict(self.gaps)
        return made


class Run:
    """One journal, one server, and what happened to them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server = Server()
        self.backup = self.server.copy()
        self.number_of: dict[int, int] = {}
        self.refused = 0
        self.packs: dict[bytes, Pack] = {}
        self.serial = itertools.count()
        self.journal = Journal.open(path)
        self.reopen((_LIMITS[0], "refuse"))

    def reopen(self, given: tuple[int, str]) -> None:
        self.journal.close()
        self.journal = Journal.open(self.path, durability="normal", budget=Budget.of(*given))

    def commit(self, count: int) -> None:
        for _ in range(count):
            serial = next(self.serial)
            before = self.journal.newest
            try:
                self.number_of[serial] = self.journal.commit({"n": serial, "t": _TEXT}).number
            except StorageLimitReached:
                self.refused += 1
                assert self.journal.newest == before
                assert self.journal.status().policy == "refuse" or self.journal.in_flight()
            else:
                assert self.number_of[serial] == before + 1

    def push(self, count: int, *, arrives: bool = True, is_answered: bool = True) -> bool:
        self.settle()
        pack = self.journal.next_pack(max_commits=count, max_bytes=1 << 20)
        if pack is None:
            return False
        pack_hash = hash_content(encode_content(pack))
        self.journal.record_sent(pack, pack_hash)
        self.packs[pack_hash] = pack
        if arrives:
            self.server.store(pack, pack_hash)
        if arrives and is_answered:
            self.journal.settle(pack_hash)
        return True

    def check_in_flight(self) -> None:
        """A pack under way keeps its commits."""
        for sent in self.journal.in_flight():
            assert self.journal.pack_in_flight(sent) == self.packs[sent.hash]

    def settle(self) -> None:
        """Do what a push does first: ask for the mark, and draw the conclusion."""
        mark = self.server.mark
        verdict = judge(mark, self.journal.acknowledged, self.journal.in_flight(), pushed=self.journal.pushed)
        if isinstance(verdict, Stored):
            self.journal.settle(verdict.hash)
        elif isinstance(verdict, SetBack):
            go_back(self.journal, mark)
        elif isinstance(verdict, Unknown):
            go_on(self.journal, mark, [(self.server.digests, mark.number)], first=1)

    def reject(self, count: int) -> None:
        first = self.journal.acknowledged.number + 1
        self.journal.set_rejected(dict.fromkeys(range(first, first + count), "too hot"))

    def check(self) -> None:
        assert self.journal.check() == []
        while self.push(1000):
            pass
        here = {commit.number for commit in self.journal.rejected()}
        there = list(self.server.commits.values())
        assert len(there) == len(set(there))
        assert set(self.server.commits) | set(self.server.gaps) == set(range(1, self.server.mark.number + 1))
        assert not set(self.server.commits) & set(self.server.gaps)
        assert self.journal.newest - self.server.mark.number in {0, *range(1, len(here) + 1)}
        for serial, number in self.number_of.items():
            if serial not in there and number not in here:
                assert self.server.gaps[number].startswith(("storage limit", "evicted", "too hot", "restored"))
        for number, reason in self.server.gaps.items():
            if reason.startswith("storage limit"):
                assert self.server.commits.get(number) is None
                assert self.journal.show(number) is None
        dropped = {number for number, reason in self.server.gaps.items() if reason.startswith("storage limit")}
        assert len(dropped) <= self.journal.status().dropped
        assert self.journal.check() == []


_steps = st.one_of(
    st.tuples(st.just("commit"), st.integers(1, 70)),
    st.tuples(st.just("commit"), st.integers(1, 70)),
    st.tuples(st.just("push"), st.integers(1, 60)),
    st.tuples(st.just("lost"), st.integers(1, 30)),
    st.tuples(st.just("unanswered"), st.integers(1, 30)),
    st.tuples(st.just("reject"), st.integers(1, 20)),
    st.tuples(st.just("reopen"), st.tuples(st.sampled_from(_LIMITS), st.sampled_from([*map(str, StoragePolicy)]))),
    st.tuples(st.sampled_from(["restore", "settle", "backup", "set back"]), st.none()),
)


def _run(run: Run, steps: list[tuple[str, object]]) -> None:
    does = {
        "commit": run.commit,
        "push": run.push,
        "lost": lambda count: run.push(count, arrives=False),
        "unanswered": lambda count: run.push(count, is_answered=False),
        "reject": run.reject,
        "reopen": run.reopen,
        "restore": lambda _: run.journal.restore_rejected(),
        "settle": lambda _: run.settle(),
        "backup": lambda _: setattr(run, "backup", run.server.copy()),
        "set back": lambda _: setattr(run, "server", run.backup.copy()),
    }
    for what, how in steps:
        does[what](how)
        run.check_in_flight()
    run.check()


@given(st.sampled_from([*map(str, StoragePolicy)]), st.lists(_steps, min_size=3, max_size=14))
@settings(max_examples=15)
def test_what_is_neither_there_nor_here_is_declared(policy, steps):
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "journal.db")
        run.reopen((_LIMITS[0], policy))
        try:
            _run(run, steps)
        finally:
            run.journal.close()


@pytest.mark.parametrize("policy", ["drop-oldest", "thin-out"])
def test_the_server_shows_what_was_dropped_and_why(server: RunningServer, tmp_path: Path, policy: str) -> None:
    who = server.new_device()
    config = {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "durability": "normal",
        "storagePath": str(tmp_path),
        "storageLimit": 1_000_000,
        "storagePolicy": policy,
    }
    with Api(config) as api:
        for number in range(250):  # nobody to push to, so far
            api.add_value("n", number)
            api.add_value("t", "x" * 8000)
            api.commit()
        status = api.status()
        assert status.size_bytes <= 1_000_000
        assert (status.limit_bytes, status.policy) == (1_000_000, policy)
        assert status.dropped == 250 - status.unpushed > 50
        assert api.push().pushed == status.unpushed
        assert api.push().packs == 0
        assert api.status().unpushed == 0
        kept = list(api.fetch(["n"])["n"].values)
    items = json.loads(server.get("/api/v1/commits?limit=500", who))["items"]
    commits = [item["values"]["n"] for item in reversed(items) if item["type"] == "commit"]
    gaps = [(item["first"], item["last"], item["reason"]) for item in items if item["type"] == "gap"]
    assert commits == kept == sorted(set(kept))
    assert len(commits) == status.unpushed
    declared = [number for first, last, _ in gaps for number in range(first, last + 1)]
    assert sorted(declared + [number + 1 for number in commits]) == list(range(1, 251))
    how = "dropped, oldest first" if policy == "drop-oldest" else "thinned out, 1 in 10 kept"
    began = (
        f"storage limit of 1000000 bytes reached, {how}: {status.dropped} commits, {status.dropped_values} values, of"
    )
    assert all(reason.startswith(began) for _, _, reason in gaps)


def test_at_the_limit_a_commit_is_refused_and_its_values_stay_staged(server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    config = {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": str(tmp_path),
        "storageLimit": 1_000_000,
    }
    with Api(config) as api:
        with pytest.raises(StorageLimitReached, match="1000000 bytes"):
            for number in range(100):
                api.add_value("t", f"{number:50000}")
                api.commit()
        kept = api.status().unpushed
        assert 10 < kept == number
        assert api.staged() == {"t": f"{number:50000}"}
        assert api.push().pushed == kept
        assert api.commit().number == kept + 1
        assert api.push().pushed == 1
        assert api.gone(1).fate.value == "evicted"
        assert [int(text) for text in api.fetch(["t"])["t"].values] == list(range(kept + 1))


def test_a_queue_that_changes_all_the_while_is_pushed_in_smaller_packs(server: RunningServer, tmp_path, monkeypatch):
    """As one that loses its oldest commits to a program that commits without a pause."""
    record = Journal.record_sent

    def record_if_small(journal: Journal, pack: Pack, pack_hash: bytes) -> SentPack:
        if pack.row_count > 8:
            raise StalePack("too late")
        return record(journal, pack, pack_hash)

    monkeypatch.setattr(Journal, "record_sent", record_if_small)
    who = server.new_device()
    config = {"baseUrl": server.api_url, "deviceId": who.device_id, "apiKey": who.api_key, "storagePath": str(tmp_path)}
    with Api(config) as api:
        with Journal.open(api.status().journal_path) as journal:
            journal.commit_many((number, {"n": number}, None) for number in range(60))
        assert api.push().pushed == 60
