"""Journals that were copied and put back, and servers that were: nothing is lost, nothing doubled, and it is told.

The stateful test drives the real journal, the real pusher and the whole server with the faults that the model of the
protocol has (`docs/model/`): any two of a copied journal, a restored journal, a restored server.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.server.web.whole_app import running_site

from nikdev_iot.client.answers import Answer
from nikdev_iot.client.push import Pusher
from nikdev_iot.client.transport import TransportError
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.digests import derive_origin
from nikdev_iot.model.errors import PushException


class World:
    """One server, which can be copied and put back; requests reach it through the whole app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backup: Path | None = None
        self.epochs = 0
        self.stack = ExitStack()
        self.start()
        self.device = self.site.new_device()
        self.headers = self.site.new_key(self.device)
        self.timeout_s = 1.0
        self.base_url = "http://127.0.0.1/api/v1/"
        self.fault = None
        """"before" or "after" the next POST reaches the server, or "later": it arrives when everything else has."""
        self.late = []

    def start(self) -> None:
        self.site = self.stack.enter_context(running_site(self.folder / "store"))

    def stop(self) -> None:
        self.stack.close()

    def back_up(self) -> None:
        self.stop()
        self.backup = self.folder / "backup"
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self.folder / "store", self.backup)
        self.start()

    def restore(self) -> None:
        """Put the copy back, as another incarnation of the server."""
        self.stop()
        shutil.rmtree(self.folder / "store")
        shutil.copytree(self.backup, self.folder / "store")
        self.epochs += 1
        with sqlite3.connect(self.folder / "store" / "store.sqlite3") as connection:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (bytes([self.epochs]) * 16,))
        connection.close()
        self.start()

    def request(self, method, path, *, body=None, headers=None, **_):
        fault, self.fault = (self.fault, None) if method == "POST" else (None, self.fault)
        if fault in {"before", "later"}:
            if fault == "later":
                self.late.append((method, path, body, headers))
            raise TransportError("cut off", trouble="cut")
        answer = self.site.call(method, f"/api/v1/{path}", {**self.headers, **(headers or {})}, body or b"")
        if fault == "after":
            raise TransportError("cut off", trouble="cut")
        return Answer(self.base_url + path, answer.status, answer.headers, answer.body)

    def deliver_late(self) -> None:
        while self.late:
            self.request(self.late[0][0], self.late[0][1], body=self.late[0][2], headers=self.late.pop(0)[3])

    def stored(self) -> list[int]:
        """The values on the server, in the order of their times."""
        answer = self.site.get("/api/v1/history?fields=n", self.headers)
        if answer.status == 404:
            return []
        return answer.json["fields"]["n"]["values"]

    def pusher(self, journal: Journal) -> Pusher:
        return Pusher(journal=journal, transport=self, now_us=lambda: time.time_ns() // 1000)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.stop()


def open_journal(path: Path) -> Journal:
    return Journal.open(path, durability="normal")


def commit(journal: Journal, *values: int):
    return [journal.commit({"n": value}, time_us=1_700_000_000_000_000 + value) for value in values]


def copied(journal: Journal, to: Path) -> Journal:
    """What a copy of the SD card has."""
    with sqlite3.connect(journal.path) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return open_journal(to)


def test_a_server_that_went_back_gets_again_what_it_lacks(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2)
        world.pusher(journal).push()
        world.back_up()
        commit(journal, 3)
        world.pusher(journal).push()
        commit(journal, 4)
        world.restore()
        report = world.pusher(journal).push()
        assert report.pushed == 2
        assert "set back, perhaps to a backup" in report.notices[0]
        assert "up to 3, and now has only those up to 2" in report.notices[0]
        assert world.stored() == [1, 2, 3, 4]
        assert journal.check() == []
        assert world.pusher(journal).push().notices == ()


def test_a_server_that_has_nothing_any_more_gets_all_of_it(world, tmp_path):
    world.back_up()
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2)
        world.pusher(journal).push()
        journal.set_rejected({})
        commit(journal, 3)
        world.restore()
        report = world.pusher(journal).push()
        assert "now has none of them" in report.notices[0]
        assert (report.pushed, world.stored()) == (3, [1, 2, 3])


def test_two_copies_of_a_card_go_on_side_by_side(world, tmp_path):
    with open_journal(tmp_path / "a") as one:
        commit(one, 1, 2)
        world.pusher(one).push()
        origin = one.origin
        with copied(one, tmp_path / "b") as two:
            commit(one, 11)
            (first, _) = commit(two, 21, 22)
            world.pusher(one).push()
            report = world.pusher(two).push()
            assert report.pushed == 2
            assert "Another copy of this journal has pushed" in report.notices[0]
            assert f"new origin, {two.origin}" in report.notices[0]
            assert two.origin != origin == one.origin == first.origin
            assert [entry.number for entry in two.log(limit=2)] == [2, 1]
            commit(one, 12)
            commit(two, 23)
            assert world.pusher(one).push().notices == world.pusher(two).push().notices == ()
            assert world.stored() == [1, 2, 11, 12, 21, 22, 23]
            assert two.check() == []


def test_a_restored_journal_knows_again_what_it_pushed_before(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as restored:
            world.pusher(journal).push()
            commit(journal, 4)
            world.pusher(journal).push()
            report = world.pusher(restored).push()
            assert report.pushed == 3
            assert "and they are the same" in report.notices[0]
            assert restored.status().unpushed == 0
            commit(restored, 5)
            report = world.pusher(restored).push()
            assert "other commits than this journal from number 4 on" in report.notices[0]
            assert world.stored() == [1, 2, 3, 4, 5]


def test_the_same_backup_put_back_twice_arrives_at_the_same_origin(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1)
        world.pusher(journal).push()
        with copied(journal, tmp_path / "b") as backup:
            commit(journal, 2)
            world.pusher(journal).push()
            commit(backup, 3, 4)
            digest = backup.digests(2, 2)[0].digest
            with copied(backup, tmp_path / "c") as again:
                origin = journal.origin
                world.pusher(backup).push()
                assert backup.origin == derive_origin(origin, digest)
                world.pusher(again).push()
                assert again.origin == backup.origin
    assert world.stored() == [1, 2, 3, 4]


def test_what_was_set_aside_here_and_stored_by_a_copy_is_not_pushed_again_when_it_is_restored(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as two:
            two.set_rejected({2: "the server said no"})
            world.pusher(journal).push()
            world.pusher(two).push()
            assert two.restore_rejected() == 0
            commit(two, 4)
            world.pusher(two).push()
    assert world.stored() == [1, 2, 3, 4]


def test_a_server_that_contradicts_itself_ends_the_push(world, tmp_path):
    with open_journal(tmp_path / "a") as one, copied(one, tmp_path / "b") as two:
        commit(one, 1)
        commit(two, 2)
        world.pusher(one).push()
        real = world.request

        def request(method, path, **options):
            answer = real(method, path, **options)
            if "digests" in path:
                return Answer(
                    answer.url,
                    200,
                    answer.headers,
                    json.dumps({**json.loads(answer.body), "digests": [], "next": 0}).encode(),
                )
            return answer

        world.request = request
        with pytest.raises(PushException, match="contradict") as caught:
            world.pusher(two).push()
        assert caught.value.retained_data
        world.request = real
        assert world.pusher(two).push().pushed == 1
    assert world.stored() == [1, 2]


def test_what_was_set_aside_in_a_copy_and_what_is_behind_it_is_stored_once(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as restored:
            journal.set_rejected({1: "the server said no"})
            world.pusher(journal).push()
            report = world.pusher(restored).push()
            assert report.pushed == 3
            assert "It lacks 1 of them: these get new numbers" in report.notices[0]
            assert world.stored() == [1, 2, 3]
            assert restored.origin == journal.origin
            # What was set aside is known again where it comes back.
            assert journal.restore_rejected() == 1
            world.pusher(journal).push()
            assert world.stored() == [1, 2, 3]
            commit(restored, 4)
            assert world.pusher(restored).push().notices == ()
            assert world.stored() == [1, 2, 3, 4]
            assert restored.check() == []


def test_a_server_set_back_behind_a_fork_gets_again_what_came_before_the_fork(world, tmp_path):
    world.back_up()
    with open_journal(tmp_path / "a") as journal:
        origin = journal.origin
        commit(journal, 1)
        with copied(journal, tmp_path / "b") as restored:
            commit(journal, 2)
            world.pusher(journal).push()
            commit(restored, 3)
            world.pusher(restored).push()
            assert restored.origin != origin
            commit(restored, 4)
            assert world.stored() == [1, 2, 3]
            world.restore()
            report = world.pusher(restored).push()
            assert "of this journal's origin" in report.notices[0]
            assert "now has none of them" in report.notices[0]
            assert (restored.origin, world.stored()) == (origin, [1, 3, 4])
            # The copy goes on as well, and has what the server lacks of its own.
            commit(journal, 5)
            world.pusher(journal).push()
            assert world.stored() == [1, 2, 3, 4, 5]
            assert restored.check() == journal.check() == []


def test_a_server_set_back_to_behind_the_fork_gets_only_what_it_lacks(world, tmp_path):
    with open_journal(tmp_path / "a") as journal, copied(journal, tmp_path / "b") as two:
        commit(journal, 1)
        world.pusher(journal).push()
        commit(two, 2)
        world.back_up()
        world.pusher(two).push()
        commit(two, 3)
        world.restore()
        origin = two.origin
        report = world.pusher(two).push()
        assert "now has none of them" in report.notices[0]
        assert (two.origin, world.stored()) == (origin, [1, 2, 3])


def test_answers_of_two_incarnations_of_the_server_are_not_compared(world, tmp_path):
    """The server is restored between the answer with its mark and the one with its digests."""
    world.back_up()
    with open_journal(tmp_path / "a") as one:
        commit(one, 1)
        with copied(one, tmp_path / "b") as two:
            world.pusher(one).push()
            commit(two, 2)
            real, asked = world.request, []

            def request(method, path, **options):
                if "digests" in path and not asked:
                    asked.append(path)
                    world.restore()
                return real(method, path, **options)

            world.request = request
            assert world.pusher(two).push().notices == ()
            assert asked
            commit(one, 3)
            world.pusher(one).push()
            assert world.stored() == [1, 2, 3]
            assert one.check() == two.check() == []


class Faults(RuleBasedStateMachine):
    """At most two of the three: copy, restored journal, restored server; requests are lost, delayed and doubled."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.count = 0
        self.faults = set()
        self.files = 0
        self.journals = [open_journal(self.path())]
        self.saved = None

    def path(self) -> Path:
        self.files += 1
        return self.folder / f"journal-{self.files}.db"

    def may(self, fault: str) -> bool:
        return fault in self.faults or len(self.faults) < 2

    @rule(which=st.integers(0, 1), count=st.integers(1, 3))
    def commit(self, which, count):
        journal = self.journals[which % len(self.journals)]
        for _ in range(count):
            self.count += 1
            commit(journal, self.count)

    @rule(which=st.integers(0, 1), fault=st.sampled_from([None, None, None, "before", "after", "later"]))
    def push(self, which, fault):
        self.world.fault = fault
        try:
            self.world.pusher(self.journals[which % len(self.journals)]).push()
        except PushException as error:
            assert fault is not None, error
            assert error.retained_data
        self.world.fault = None

    @rule()
    def late_requests_arrive(self):
        self.world.deliver_late()

    @precondition(lambda self: len(self.journals) == 1 and self.may("copy"))
    @rule()
    def copy(self):
        self.faults.add("copy")
        self.journals.append(copied(self.journals[0], self.path()))

    @precondition(lambda self: self.saved is None and self.may("journal"))
    @rule()
    def back_the_journal_up(self):
        self.saved = self.path()
        copied(self.journals[0], self.saved).close()

    @precondition(lambda self: self.saved is not None and "journal" not in self.faults and self.may("journal"))
    @rule()
    def restore_the_journal(self):
        self.faults.add("journal")
        self.journals[0].close()
        self.journals[0] = open_journal(self.saved)

    @precondition(lambda self: self.world.backup is None and self.may("server"))
    @rule()
    def back_the_server_up(self):
        self.world.back_up()

    @precondition(lambda self: self.world.backup is not None and "server" not in self.faults and self.may("server"))
    @rule()
    def restore_the_server(self):
        self.faults.add("server")
        self.world.restore()

    @invariant()
    def nothing_is_doubled(self):
        stored = self.world.stored()
        assert len(stored) == len(set(stored)), stored

    def teardown(self):
        try:
            self.world.deliver_late()
            for _ in range(2):
                for journal in self.journals:
                    self.world.pusher(journal).push()
            self.nothing_is_doubled()
            stored = set(self.world.stored())
            for journal in self.journals:
                assert journal.status().unpushed == 0
                assert journal.check() == []
                assert {entry.time_us % 1_000_000 for entry in journal.log(limit=1_000)} <= stored
        finally:
            for journal in self.journals:
                journal.close()
            self.world.stop()
            shutil.rmtree(self.folder)


@pytest.mark.timeout(300)
def test_no_two_of_the_faults_lose_or_double_a_commit():
    run_state_machine_as_test(
        Faults,
        settings=settings(
            max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
