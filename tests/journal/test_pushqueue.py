"""The whole life of a queue: whatever is lost, late, rejected, discarded or restored, nothing is lost or doubled."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nikdev_iot.journal.errors import PushLocked, StalePack
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import CommitState
from nikdev_iot.model.errors import JournalError
from nikdev_iot.wire.pack import NO_PACK, decode_content, encode_content

from .conftest import FakeClock


def hash_of(content):
    return hashlib.sha256(content).digest()


class Server:
    """The table of the protocol, and nothing else."""

    def __init__(self):
        self.packs = []  # (first, last, hash, content)

    @property
    def mark(self):
        return (self.packs[-1][1], self.packs[-1][2]) if self.packs else (0, NO_PACK)

    def receive(self, content):
        pack, pack_hash = decode_content(content), hash_of(content)
        number, known = self.mark
        if pack.first == number + 1:
            if pack.parent != known:
                return "fork"
            self.packs.append((pack.first, pack.last, pack_hash, content))
            return "stored"
        if any((first, last, h) == (pack.first, pack.last, pack_hash) for first, last, h, _ in self.packs):
            return "stored"
        return "overlap" if pack.first <= number else "gap"

    def commits(self):
        return [commit for *_, content in self.packs for commit in decode_content(content).commits()]


class Life(RuleBasedStateMachine):
    """One journal, one server, and a network that does what it likes. A commit's time is its identity here."""

    def __init__(self):
        super().__init__()
        self.clock = FakeClock()
        self.server = Server()
        self.network = []
        self.made = {}
        self.discarded = set()
        self.taken = None
        self.journal = self._open()

    def _open(self):
        return Journal.open(":memory:", clock=self.clock)

    def teardown(self):
        self.ask_for_the_mark()
        self.journal.restore_rejected()
        while self.push(self.network.append, 3):
            assert self.server.receive(self.network[-1]) == "stored"
            self.ask_for_the_mark()
        stored = self.server.commits()
        assert {commit.time_us for commit in stored} >= self.made.keys() - self.discarded
        for commit in stored:
            values, message = self.made[commit.time_us]
            assert (dict(commit.values), commit.message) == (values, message)
        self.whole()
        assert self.journal.check() == []
        self.journal.close()

    # -- what the device does ---------------------------------------------------------------------

    @rule(values=st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 1.0, True, "x"]), min_size=1))
    def commit(self, values):
        time_us = len(self.made) + 1
        self.made[time_us] = values, f"message {time_us}" if time_us % 3 == 0 else None
        self.journal.commit(values, time_us=time_us, message=self.made[time_us][1])

    @rule(count=st.integers(1, 4))
    def commit_many(self, count):
        times = range(len(self.made) + 1, len(self.made) + 1 + count)
        self.made.update({time_us: ({"many": time_us}, None) for time_us in times})
        assert self.journal.commit_many((time_us, *self.made[time_us]) for time_us in times).count == count

    def push(self, send, max_commits):
        pack = self.journal.next_pack(max_commits=max_commits, max_bytes=1 << 20)
        if pack is not None:
            content = encode_content(pack)
            sent = self.journal.record_sent(pack, hash_of(content))
            assert sent.hash in {other.hash for other in self.journal.in_flight()}
            send(content)
        return pack is not None

    @rule(max_commits=st.integers(1, 4))
    def send(self, max_commits):
        self.push(self.network.append, max_commits)

    @rule(max_commits=st.integers(1, 4))
    def take(self, max_commits):
        self.taken = self.journal.next_pack(max_commits=max_commits, max_bytes=1 << 20)

    @precondition(lambda self: self.taken)
    @rule()
    def send_what_was_taken_before(self):
        """Another program may have used the journal in between."""
        pack, self.taken = self.taken, None
        content = encode_content(pack)
        try:
            self.journal.record_sent(pack, hash_of(content))
        except StalePack:
            fresh = self.journal.next_pack(max_commits=pack.row_count, max_bytes=1 << 20)
            assert fresh is None or encode_content(fresh) != content
        else:
            self.network.append(content)

    @precondition(lambda self: self.journal.in_flight())
    @rule(data=st.data())
    def send_again_as_it_was(self, data):
        sent = data.draw(st.sampled_from(self.journal.in_flight()))
        content = encode_content(self.journal.pack_in_flight(sent))
        assert hash_of(content) == sent.hash
        self.network.append(content)

    @rule()
    def ask_for_the_mark(self):
        number, pack_hash = self.server.mark
        if pack_hash in {sent.hash for sent in self.journal.in_flight()}:
            self.journal.settle(pack_hash)
        known = self.journal.acknowledged
        assert (known.number, known.hash) == (number, pack_hash)

    # -- what the network does -----------------------------------------------------------------------

    @precondition(lambda self: self.network)
    @rule(data=st.data(), doubled=st.booleans(), answered=st.booleans())
    def deliver(self, data, doubled, answered):
        at = data.draw(st.integers(0, len(self.network) - 1))
        content = self.network[at] if doubled else self.network.pop(at)
        if self.server.receive(content) == "stored" and answered:
            # Perhaps the answer to a request long given up: the journal takes it for what it says.
            if hash_of(content) in {sent.hash for sent in self.journal.in_flight()}:
                self.journal.settle(hash_of(content))
            else:
                with pytest.raises(JournalError) if not self._settled(content) else _nothing():
                    assert self.journal.settle(hash_of(content)) == 0

    def _settled(self, content):
        known = self.journal.acknowledged
        return decode_content(content).last <= known.number

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def lose(self, data):
        self.network.pop(data.draw(st.integers(0, len(self.network) - 1)))

    # -- what the server's refusals and the user do ------------------------------------------------------

    @rule(data=st.data())
    def reject_some(self, data):
        queued = [entry.number for entry in self._log() if entry.state is CommitState.UNPUSHED]
        assume(queued)
        numbers = data.draw(st.sets(st.sampled_from(queued), min_size=1))
        assert self.journal.set_rejected(dict.fromkeys(numbers, "the server says no")) == len(numbers)

    @rule(count=st.integers(1, 3))
    def reject_the_next_and_send(self, count):
        """What the server's 422 leads to."""
        queued = [entry.number for entry in reversed(self._log()) if entry.state is CommitState.UNPUSHED]
        assert self.journal.set_rejected(dict.fromkeys(queued[:count], "the server says no")) == len(queued[:count])
        self.push(self.network.append, 3)

    @rule()
    def reject_all(self):
        queued = self.journal.status().unpushed
        assert self.journal.set_all_unpushed_rejected("wrong key") == queued

    @rule(data=st.data())
    def restore_some(self, data):
        aside = [commit.number for commit in self.journal.rejected()]
        assume(aside)
        numbers = data.draw(st.sets(st.sampled_from(aside), min_size=1))
        assert self.journal.restore_rejected(numbers) == len(numbers)

    @rule()
    def restore_all(self):
        count = len(self._aside())
        assert self.journal.restore_rejected() == count

    @rule()
    def discard(self):
        gone = {entry.time_us for entry in self._log() if entry.state is CommitState.UNPUSHED}
        assert self.journal.reset_unpushed() == len(gone)
        self.discarded |= gone

    @precondition(lambda self: self.journal.in_flight())
    @rule(data=st.data())
    def forget_what_never_arrives(self, data):
        sent = data.draw(st.sampled_from(self.journal.in_flight()))
        assume(sent.hash != self.server.mark[1])
        self.network = [content for content in self.network if hash_of(content) != sent.hash]
        self.journal.drop_sent(sent.hash)

    # -- what always holds ----------------------------------------------------------------------------------

    def _log(self):
        return self.journal.log(limit=10_000)

    def _aside(self):
        return [entry for entry in self._log() if entry.state is CommitState.REJECTED]

    @invariant()
    def whole(self):
        stored = [commit.time_us for commit in self.server.commits()]
        assert len(stored) == len(set(stored)), "doubled"
        assert [first for first, *_ in self.server.packs] == [
            1,
            *(last + 1 for _, last, *_ in self.server.packs[:-1]),
        ][: len(self.server.packs)]
        log = self._log()
        local = [entry.time_us for entry in log]
        assert len(local) == len(set(local)), "twice in the journal"
        kept = {entry.time_us for entry in log if entry.state in (CommitState.UNPUSHED, CommitState.REJECTED)}
        assert self.made.keys() - self.discarded <= kept | set(stored), "lost"
        acknowledged = {entry.time_us for entry in log if entry.state is CommitState.ACKNOWLEDGED}
        assert acknowledged <= set(stored), "acknowledged, and not stored"
        # Thrown away is thrown away: it may only arrive with a pack that was under way at the time.
        assert not self.discarded & kept
        if not self.journal.in_flight():
            assert not any(entry.state is CommitState.DISCARDED for entry in log)

    @invariant()
    def counted(self):
        status, log = self.journal.status(), self._log()
        queued = [entry for entry in log if entry.state is CommitState.UNPUSHED]
        assert status.unpushed == len(queued)
        assert status.oldest_unpushed_us == (queued[-1].time_us if queued else None)
        assert status.rejected == len(self._aside()) == len(self.journal.rejected())
        assert status.in_flight == len(self.journal.in_flight())


class LifeInAFile(Life):
    """The same, with programs that end and others that begin."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nikdev-life-")
        super().__init__()

    def _open(self):
        return Journal.open(Path(self.folder.name) / "j.db", clock=self.clock, durability="normal")

    @rule()
    def reopen(self):
        self.journal.close()
        self.journal = self._open()
        assert self.journal.check() == []

    def teardown(self):
        super().teardown()
        self.folder.cleanup()


class _nothing:  # noqa: N801
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


Life.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
LifeInAFile.TestCase.settings = settings(Life.TestCase.settings, max_examples=10)
TestLife = Life.TestCase
TestLifeInAFile = LifeInAFile.TestCase


def test_the_epoch_is_remembered(journal):
    assert journal.epoch is None
    journal.set_epoch(b"e" * 16)
    assert journal.epoch == b"e" * 16


def test_two_journals_of_one_file_do_not_push_at_once(journal, path):
    with Journal.open(path) as other:
        with journal.push_lock(), pytest.raises(PushLocked, match="is pushing"), other.push_lock(0.05):
            pytest.fail("both hold it")
        with other.push_lock():
            pass


def test_a_journal_in_memory_has_a_push_lock_too():
    with Journal.open(":memory:") as journal:
        with journal.push_lock(), pytest.raises(PushLocked), journal.push_lock():
            pytest.fail("held twice")
        with journal.push_lock():
            pass


def test_the_acknowledged_mark_moves_with_the_settled_pack(journal):
    assert (journal.acknowledged.number, journal.acknowledged.hash) == (0, NO_PACK)
    journal.commit({"a": 1})
    content = encode_content(journal.next_pack(max_commits=10, max_bytes=1000))
    journal.record_sent(decode_content(content), hash_of(content))
    assert journal.settle(hash_of(content)) == 1
    assert (journal.acknowledged.number, journal.acknowledged.hash) == (1, hash_of(content))
    assert journal.settle(hash_of(content)) == 0
    assert uuid.UUID(int=7) == journal.origin


def test_what_is_queued_up_to_a_number(journal):
    assert (journal.newest, journal.queued(up_to=5)) == (0, 0)
    for number in range(6):
        journal.commit({"n": number})
    assert journal.newest == 6
    journal.set_rejected({2: "no", 3: "no"})
    assert [journal.queued(up_to=number) for number in (0, 1, 2, 3, 4, 6, 99)] == [0, 1, 1, 1, 2, 4, 4]
    pack = journal.next_pack(max_commits=2, max_bytes=10_000)
    journal.record_sent(pack, b"h" * 32)
    journal.settle(b"h" * 32)
    assert [journal.queued(up_to=number) for number in (4, 5, 6)] == [0, 1, 2]
