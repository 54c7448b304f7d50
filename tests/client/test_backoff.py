from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.backoff import FIRST_S, LONGEST_S, delay_s

fractions = st.floats(0, 1)


def test_it_doubles_up_to_its_limit():
    assert [delay_s(n, fraction=1.0) for n in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, LONGEST_S, LONGEST_S]


@given(st.integers(1, 10**6), fractions)
def test_a_random_part_of_it_is_taken(failures, fraction):
    longest = delay_s(failures, fraction=1.0)
    assert FIRST_S / 2 <= longest / 2 <= delay_s(failures, fraction=fraction) <= longest <= LONGEST_S


@given(st.integers(1, 100), fractions, st.floats(0, 1e9))
def test_what_the_server_asked_for_is_kept(failures, fraction, asked_s):
    waited = delay_s(failures, fraction=fraction, asked_s=asked_s)
    assert waited >= min(asked_s, 86_400)
    assert waited <= max(LONGEST_S, 86_400 * 1.1)


def test_what_the_server_asked_for_may_be_nonsense():
    assert delay_s(1, fraction=0.0, asked_s=-5.0) == 0.5
