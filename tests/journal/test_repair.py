"""A device without a clock battery: what its packs and its log say of the times of its commits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.clocks import EARLIEST_US

S = 1_000_000
TRUE = EARLIEST_US + 40_000_000 * S
"""When the device of these tests is switched on."""


@dataclass
class Board:
    """A device: true time goes on; its clock is wrong by what it is told, and loses all in a boot."""

    true_us: int = TRUE
    booted_us: int = TRUE
    wrong_by_us: int = 0
    boot: int = 1

    def now_us(self):
        return self.true_us + self.wrong_by_us

    def monotonic_ns(self):
        return (self.true_us - self.booted_us + 17 * S) * 1000

    def boot_id(self):
        return f"boot-{self.boot}"

    def wait(self, seconds):
        self.true_us += seconds * S

    def restart(self, wrong_by_us):
        self.wait(30)
        self.booted_us, self.boot, self.wrong_by_us = self.true_us, self.boot + 1, wrong_by_us


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def journal(tmp_path, board):
    with Journal.open(tmp_path / "journal.db", clock=board) as journal:
        yield journal


def restarted(journal, board, wrong_by_us):
    """The device is switched off and on; its clock is wrong by so much then."""
    journal.close()
    board.restart(wrong_by_us)
    return Journal.open(journal.path, clock=board)


def commit(journal, board, seconds=10):
    board.wait(seconds)
    journal.commit({"n": 1})
    return board.true_us


def sent(journal):
    """Return (effective time, recorded time, uncertain) of each commit as the next pack has it."""
    pack = journal.next_pack(max_commits=1_000, max_bytes=1 << 20)
    return [(c.time_us + c.shift_us, c.time_us, c.uncertain) for c in pack.commits()]


def test_with_a_right_clock_nothing_is_shifted(journal, board):
    true = [commit(journal, board) for _ in range(3)]
    journal.learn_time(board.now_us())
    assert journal.knows_time
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    assert (pack.shifts, pack.uncertain) == ((), None)
    assert sent(journal) == [(time_us, time_us, False) for time_us in true]


def test_a_boot_in_1970_that_is_set_right_later_has_right_times(journal, board):
    board.wrong_by_us = -TRUE
    early = [commit(journal, board) for _ in range(3)]
    assert sent(journal) == [(time_us - TRUE, time_us - TRUE, True) for time_us in early]
    board.wrong_by_us = 0
    late = [commit(journal, board) for _ in range(2)]
    journal.learn_time(board.now_us())
    assert sent(journal) == [(time_us, time_us - TRUE, False) for time_us in early] + [
        (time_us, time_us, False) for time_us in late
    ]
    newest, *_, oldest = journal.log(limit=10)
    assert (newest.shift_us, newest.is_uncertain) == (0, False)
    assert (oldest.time_us, oldest.time_us + oldest.shift_us) == (early[0] - TRUE, early[0])
    assert journal.show(1).shift_us == TRUE


def test_steps_to_and_fro_within_a_boot(journal, board):
    true = []
    for wrong_by_s in (0, 3_600, -86_400, 0, 5):
        board.wrong_by_us = wrong_by_s * S
        true.append(commit(journal, board))
    board.wrong_by_us = 0
    journal.learn_time(board.now_us())
    assert [effective for effective, *_ in sent(journal)] == true


def test_a_smear_is_left_alone(journal, board):
    board.wrong_by_us = 1_500_000
    time_us = commit(journal, board)
    board.wrong_by_us = 0
    journal.learn_time(board.now_us())
    assert sent(journal) == [(time_us + 1_500_000, time_us + 1_500_000, False)]


def test_an_earlier_boot_is_known_if_its_time_was_learnt_then_and_flagged_if_it_was_not(journal, board):
    board.wrong_by_us = -TRUE
    known = commit(journal, board)
    journal.learn_time(board.true_us)
    journal = restarted(journal, board, -TRUE)
    unknown = commit(journal, board)
    journal = restarted(journal, board, 0)
    now = commit(journal, board)
    assert not journal.knows_time
    journal.learn_time(board.true_us)
    assert sent(journal) == [
        (known, known - TRUE, False),
        (unknown - TRUE, unknown - TRUE, True),
        (now, now, False),
    ]
    assert [entry.is_uncertain for entry in journal.log(limit=5)] == [False, True, False]


def test_a_time_to_come_is_flagged_where_nothing_is_known(journal, board):
    board.wrong_by_us = 10_000_000 * S
    commit(journal, board)
    journal = restarted(journal, board, 0)
    assert [uncertain for *_, uncertain in sent(journal)] == [True]


def test_times_that_were_given_are_final(journal, board):
    journal.commit({"n": 1}, time_us=5)
    board.wrong_by_us = -TRUE
    journal.commit_many([(7, {"n": 2}, None)])
    journal.learn_time(board.true_us)
    assert sent(journal) == [(5, 5, False), (7, 7, False)]


def test_what_is_no_news_is_not_written(journal, board):
    journal.learn_time(board.true_us)
    before = journal._database._connection.total_changes
    board.wait(60)
    journal.learn_time(board.true_us + S // 2)
    assert journal._database._connection.total_changes == before
    journal.learn_time(board.true_us + 2 * S)
    assert journal._database._connection.total_changes == before + 1


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["commit", "step", "restart", "learn"]), st.integers(-(10**6), 10**6))))
def test_whatever_the_clock_does_times_are_true_or_flagged_or_by_a_clock_that_could_be_right(steps):
    board, made = Board(), []
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder) / "journal.db", clock=board, durability="normal")
        for what, number in steps:
            if what == "commit":
                made.append((commit(journal, board), board.boot, board.wrong_by_us))
            elif what == "step":
                board.wrong_by_us = number * S
            elif what == "restart":
                journal = restarted(journal, board, number * S)
            else:
                journal.learn_time(board.true_us)
                made = [(true_us, "known" if boot == board.boot else boot, wrong) for true_us, boot, wrong in made]
        found = sent(journal) if made else []
        journal.close()
    for (true_us, boot, wrong_by_us), (effective, recorded, uncertain) in zip(made, found, strict=True):
        assert recorded == true_us + wrong_by_us
        if boot == "known":
            assert not uncertain
        if boot == "known" or effective != recorded:  # or it was learnt later in the same boot
            assert abs(effective - true_us) <= 2 * S
