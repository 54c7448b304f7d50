"""Which clock is right, and what that makes of a commit's time: the rules of `docs/time.md`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.clocks import AGREE_US, EARLIEST_US, TOLERANCE_US, judge_time, true_now

S = 1_000_000
NOW = EARLIEST_US + 50_000_000 * S
LONG_AGO = 100 * S  # 1970
times = st.integers(0, NOW * 2)


@pytest.mark.parametrize(
    ("device", "server", "is_synchronized", "true"),
    [
        (NOW, NOW + 30 * S, None, NOW),  # they agree: the device's own
        (NOW, NOW + 30 * S, False, NOW),
        (NOW, NOW + 3_600 * S, True, NOW),  # the server's clock is wrong
        (NOW, LONG_AGO, True, NOW),
        (NOW, NOW + 3_600 * S, False, NOW + 3_600 * S),  # nobody keeps the device's right
        (NOW, NOW + 3_600 * S, None, None),  # one of them is wrong, and nobody knows which
        (LONG_AGO, NOW, None, NOW),  # the device's is wrong for certain
        (LONG_AGO, NOW, True, NOW),
        (LONG_AGO, LONG_AGO, None, None),  # both are
        (LONG_AGO, LONG_AGO, True, None),
        (NOW, LONG_AGO, False, None),
        (NOW, LONG_AGO, None, None),
    ],
)
def test_which_clock_is_right(device, server, is_synchronized, true):
    assert true_now(device, server, is_synchronized=is_synchronized) == true


@given(times, times, st.sampled_from([True, False, None]))
def test_it_is_one_of_the_two_or_nobody_knows(device, server, is_synchronized):
    true = true_now(device, server, is_synchronized=is_synchronized)
    assert true in {device, server, None}
    assert true is None or true >= EARLIEST_US
    if device >= EARLIEST_US and abs(device - server) <= AGREE_US:
        assert true == device


@given(times, st.integers(0, 10**14), st.integers(-NOW, NOW), times)
def test_a_commit_of_a_boot_whose_time_is_known_gets_that(time_us, mono_us, offset_us, now_us):
    shift_us, is_uncertain = judge_time(time_us, mono_us, offset_us=offset_us, now_us=now_us)
    assert not is_uncertain
    if shift_us:
        assert time_us + shift_us == mono_us + offset_us
        assert abs(shift_us) > TOLERANCE_US
    else:
        assert abs(mono_us + offset_us - time_us) <= TOLERANCE_US


@given(times, st.integers(0, 10**14), times)
def test_what_is_not_known_is_not_invented(time_us, mono_us, now_us):
    shift_us, is_uncertain = judge_time(time_us, mono_us, offset_us=None, now_us=now_us)
    assert shift_us == 0
    assert is_uncertain == (time_us < EARLIEST_US or time_us > now_us + AGREE_US)
