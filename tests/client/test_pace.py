from __future__ import annotations

from nikdev_iot.client.pace import FIRST_COMMITS, MOST_COMMITS, Pace


def test_it_grows_while_answers_come_fast() -> None:
    pace = Pace()
    sizes = []
    for _ in range(8):
        sizes.append(pace.max_commits)
        pace.answered(0.2, pace.max_commits)
    assert sizes == [FIRST_COMMITS, 2_000, 4_000, 8_000, MOST_COMMITS, MOST_COMMITS, MOST_COMMITS, MOST_COMMITS]


def test_a_slow_answer_or_a_pack_that_was_not_full_leaves_it() -> None:
    pace = Pace()
    pace.answered(1.5, FIRST_COMMITS)
    pace.answered(0.01, FIRST_COMMITS - 1)
    assert pace.max_commits == FIRST_COMMITS


def test_it_halves_down_to_one() -> None:
    pace = Pace()
    pace.halve(FIRST_COMMITS)
    assert pace.max_commits == 500
    pace.halve(100)  # less than the limit was sent, and even that was too much
    assert pace.max_commits == 50
    for _ in range(10):
        pace.halve(pace.max_commits)
    assert pace.max_commits == 1


def test_a_pack_that_did_not_arrive_makes_the_next_smaller_once() -> None:
    pace = Pace()
    pace.halve(FIRST_COMMITS)
    pace.begin_below(FIRST_COMMITS)  # the same failure, found in the journal
    assert pace.max_commits == 500
    pace.begin_below(100)
    assert pace.max_commits == 50
    pace.begin_below(1)
    assert pace.max_commits == 1
