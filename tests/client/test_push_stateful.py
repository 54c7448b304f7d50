"""The real journal, pusher and server through all that can happen to them, against a plain list of what was committed.

The rules are those of the model of the protocol (`docs/model/`), in which every order of few of them was looked at: any
two of a copied journal, a restored journal and a restored server; requests lost, delayed and doubled; a device killed
before any of its writes; a full disk; a clock that steps; commits that the server refuses, that the user takes back or
throws away. `make fuzz` has the long form.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from tests.client.worlds import World, copied, open_journal

from nikdev_iot.model.errors import JournalError, PushException

_IS_LONG = "NIKDEV_LONG" in os.environ
_START_US = 1_700_000_000_000_000


class Killed(BaseException):
    """The device's process ends here, as by kill -9: nothing more of it is done."""


class Clock:
    """A wall clock that is set as a test likes, over one that goes on."""

    def __init__(self):
        self.wall_us = _START_US
        self.since_boot_ns = 1_000_000_000

    def now_us(self):
        self.since_boot_ns += 1_000_000
        return self.wall_us + self.since_boot_ns // 1000

    def monotonic_ns(self):
        return self.since_boot_ns

    def boot_id(self):
        return "the only boot"


class Devices(RuleBasedStateMachine):
    """One device to begin with, and one server."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.clock = Clock()
        self.files = 0
        self.journals = [self.open(self.path())]
        self.saved = None
        self.faults = set()
        self.made = 0
        self.given = {}
        """The model: value -> its time, of each commit whose time was given; those by the clock have None."""
        self.thrown = set()
        self.took_back = False

    def path(self) -> Path:
        self.files += 1
        return self.folder / f"journal-{self.files}.db"

    def open(self, path):
        return open_journal(path, self.clock)

    def may(self, fault: str) -> bool:
        return fault in self.faults or len(self.faults) < 2

    def which(self, number):
        return number % len(self.journals)

    # -- what devices do ------------------------------------------------------------------------------

    @rule(number=st.integers(0, 1), count=st.integers(1, 3), by_clock=st.booleans(), is_odd=st.booleans())
    def commit(self, number, count, by_clock, is_odd):
        journal = self.journals[self.which(number)]
        for _ in range(count):
            self.made += 1
            values = {"n": self.made, **({f"new-{self.made}": 1} if is_odd else {})}
            time_us = None if by_clock else _START_US + self.made
            before = journal.status().unpushed
            try:
                receipt = journal.commit(values, time_us=time_us)
            except JournalError:
                assert journal.status().unpushed == before
                continue
            assert time_us is None or receipt.time_us == time_us
            self.given[self.made] = time_us

    @rule(
        number=st.integers(0, 1),
        fault=st.sampled_from([None, None, None, "before", "after", "later", "twice"]),
        last_write=st.sampled_from([0, 0, 1, 2, 3, 4, 5]),
    )
    def push(self, number, fault, last_write):
        place = self.which(number)
        journal = self.journals[place]
        self.world.fault = fault
        if last_write:
            self._kill_at(journal, last_write)
        try:
            self.world.pusher(journal).push()
        except PushException as error:
            assert fault in {"before", "after", "later"}, error
            assert error.retained_data
        except JournalError as error:
            assert "room" in str(error) or "full" in str(error), error
        except Killed:
            pass
        self.world.fault = None
        if last_write:
            journal.close()
            self.journals[place] = self.open(journal.path)
        self.look()

    def _kill_at(self, journal, last):
        database, writes = journal._database, iter(range(1, 1_000))
        begin = database.write

        def write(*args):
            if next(writes) >= last:
                raise Killed
            return begin(*args)

        database.write = write

    # -- what users do --------------------------------------------------------------------------------

    @rule(accepts=st.booleans())
    def accept_new_fields(self, accepts):
        self.world.accept_new_fields(accepts)

    @precondition(lambda self: not self.faults & {"copy", "journal"})
    @rule()
    def take_back(self):
        if self.journals[0].restore_rejected():
            self.took_back = True

    @rule(number=st.integers(0, 1))
    def throw_away(self, number):
        journal = self.journals[self.which(number)]
        values = {
            entry.id: self._value(journal, entry)
            for entry in journal.log(limit=1_000)
            if entry.state.value == "unpushed"
        }
        journal.reset_unpushed()
        self.thrown |= set(values.values())

    def _value(self, journal, entry):
        found = journal.show(entry.number)
        assert found is not None
        return found.values["n"]

    # -- bad luck -------------------------------------------------------------------------------------

    @rule(by_s=st.sampled_from([-86_400, -1, 1, 3_600, -20 * 365 * 86_400, 20 * 365 * 86_400]))
    def step_the_clock(self, by_s):
        self.clock.wall_us = max(self.clock.wall_us + by_s * 1_000_000, 0)

    @rule(number=st.integers(0, 1), is_full=st.booleans())
    def fill_the_disk(self, number, is_full):
        self._limit(self.journals[self.which(number)], is_full)

    def _limit(self, journal, is_full):
        with journal._database.plain("test") as connection:
            (count,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {count if is_full else 2**30}")

    @rule()
    def late_requests_arrive(self):
        self.world.deliver_late()
        self.look()

    @precondition(lambda self: len(self.journals) == 1 and self.may("copy") and not self.took_back)
    @rule()
    def copy(self):
        self.faults.add("copy")
        self.journals.append(copied(self.journals[0], self.path(), self.clock))

    @precondition(lambda self: self.saved is None and self.may("journal"))
    @rule()
    def back_the_journal_up(self):
        self.saved = self.path()
        copied(self.journals[0], self.saved).close()

    @precondition(
        lambda self: self.saved and "journal" not in self.faults and self.may("journal") and not self.took_back
    )
    @rule()
    def restore_the_journal(self):
        self.faults.add("journal")
        self.journals[0].close()
        self.journals[0] = self.open(self.saved)

    @precondition(lambda self: self.world.backup is None and self.may("server"))
    @rule()
    def back_the_server_up(self):
        self.world.back_up()

    @precondition(lambda self: self.world.backup is not None and "server" not in self.faults and self.may("server"))
    @rule()
    def restore_the_server(self):
        self.faults.add("server")
        self.world.restore()
        self.look()

    # -- what must be so ------------------------------------------------------------------------------

    def look(self):
        """What is on the server was committed, is unaltered, and is there once."""
        rows = self.world.rows()
        values = [value for _, value in rows]
        assert len(values) == len(set(values)), values
        for time_us, value in rows:
            assert value in self.given
            assert self.given[value] in {None, time_us}

    def teardown(self):
        try:
            self.world.deliver_late()
            self.world.accept_new_fields(True)
            for _ in range(2):
                for journal in self.journals:
                    self._limit(journal, False)
                    # A device asks a server for what it has when there is something to push.
                    self.made += 1
                    self.given[self.made] = _START_US + self.made
                    journal.commit({"n": self.made}, time_us=_START_US + self.made)
                    self.world.pusher(journal).push()
            self.look()
            stored = {value for _, value in self.world.rows()}
            for journal in self.journals:
                assert journal.status().unpushed == 0
                assert journal.check() == []
                kept = {
                    entry.time_us - _START_US
                    for entry in journal.log(limit=1_000)
                    if entry.state.value == "acknowledged" and entry.time_us - _START_US in self.given
                }
                assert {value for value in kept if self.given[value] is not None} <= stored
            if not self.faults:
                aside = {entry.time_us - _START_US for entry in self.journals[0].rejected()}
                given = {value for value, time_us in self.given.items() if time_us is not None}
                assert given - self.thrown - aside <= stored
        finally:
            for journal in self.journals:
                journal.close()
            self.world.stop()
            shutil.rmtree(self.folder)


@pytest.mark.timeout(0 if _IS_LONG else 300)
def test_no_two_of_the_faults_lose_double_or_alter_a_commit():
    run_state_machine_as_test(
        Devices,
        settings=settings(
            max_examples=400 if _IS_LONG else 12,
            stateful_step_count=60 if _IS_LONG else 25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
