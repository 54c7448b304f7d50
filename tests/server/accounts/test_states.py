from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.made import made_device

from nikdev_iot.server.accounts.states import DEFAULT_SILENT_AFTER_S, StateWord, may_be_silent, state_of

NOW_US = 1_795_000_000_000_000
S = 1_000_000


def test_a_device_that_never_pushed_was_never_seen() -> None:
    state = state_of(made_device(), NOW_US)
    assert (state.word, state.last_push_us) == (StateWord.NEVER, None)
    assert not may_be_silent(made_device(), NOW_US)


@pytest.mark.parametrize(
    ("silent_after_s", "usual_s", "limit_s"),
    [
        (None, None, DEFAULT_SILENT_AFTER_S),
        (None, 10.0, DEFAULT_SILENT_AFTER_S),
        (None, 3600.0, 3 * 3600),
        (60, None, 60),
        (60, 3600.0, 60),
    ],
    ids=["guess", "often", "hourly", "own", "own-before-usual"],
)
def test_it_is_silent_once_it_is_quiet_for_too_long(
    silent_after_s: int | None, usual_s: float | None, limit_s: int
) -> None:
    device = made_device(silent_after_s=silent_after_s, last_push_us=NOW_US - limit_s * S)
    state = state_of(device, NOW_US, usual_s=usual_s)
    assert (state.word, state.silent_after_s) == (StateWord.SILENT, limit_s)
    assert state_of(device, NOW_US - 1, usual_s=usual_s).word is StateWord.ONLINE


def test_a_clock_that_is_behind_makes_nobody_silent() -> None:
    assert state_of(made_device(last_push_us=NOW_US + 5 * S), NOW_US).word is StateWord.ONLINE


def test_the_usual_distance_is_asked_for_only_where_it_decides() -> None:
    quiet = made_device(last_push_us=NOW_US - DEFAULT_SILENT_AFTER_S * S)
    assert may_be_silent(quiet, NOW_US)
    assert not may_be_silent(quiet, NOW_US - 1)
    assert not may_be_silent(replace(quiet, silent_after_s=5), NOW_US)
