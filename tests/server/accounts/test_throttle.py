from __future__ import annotations

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Throttle
from nikdev_iot.server.accounts.throttle import CODE_RATES
from nikdev_iot.server.errors import TooMany

ADA = "ada@example.org"


def admitted(throttle: Throttle, email: str, peer: str, times: int) -> int:
    """Fail so many times; return how often one got that far."""
    count = 0
    for _ in range(times):
        try:
            throttle.admit(email, peer)
        except TooMany:
            continue
        count += 1
    return count


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(monotonic_s=clock.monotonic_s)


def test_a_pair_has_five_failures_and_then_one_in_ten_seconds(throttle: Throttle, clock: Clock) -> None:
    assert admitted(throttle, ADA, "192.0.2.1", 100) == 5
    clock.wait(10)
    assert admitted(throttle, ADA, "192.0.2.1", 100) == 1
    clock.wait(100)
    assert admitted(throttle, ADA, "192.0.2.1", 100) == 5


def test_asking_while_waiting_does_not_make_it_longer(throttle: Throttle, clock: Clock) -> None:
    admitted(throttle, ADA, "192.0.2.1", 5)
    for _ in range(100):
        clock.wait(0.1)
        admitted(throttle, ADA, "192.0.2.1", 1)
    assert admitted(throttle, ADA, "192.0.2.1", 100) == 0  # the one of these ten seconds is gone
    clock.wait(10)
    throttle.admit(ADA, "192.0.2.1")


def test_a_client_has_twenty_failures_over_all_emails(throttle: Throttle, clock: Clock) -> None:
    assert sum(admitted(throttle, f"{number}@example.org", "192.0.2.1", 1) for number in range(100)) == 20
    clock.wait(3)
    throttle.admit("new@example.org", "192.0.2.1")


def test_success_costs_nothing(throttle: Throttle) -> None:
    for _ in range(1_000):
        throttle.admit(ADA, "192.0.2.1")
        throttle.succeeded(ADA, "192.0.2.1")
    assert admitted(throttle, ADA, "192.0.2.1", 100) == 5


def test_however_many_guess_the_owner_gets_in_from_elsewhere(throttle: Throttle) -> None:
    guesses = sum(admitted(throttle, ADA, f"10.0.{number // 250}.{number % 250}", 3) for number in range(1_000))
    assert guesses < 1_200  # a first one each, and fifty more
    throttle.admit(ADA, "192.0.2.1")


def test_who_was_in_before_is_not_held_back_by_neighbours(throttle: Throttle) -> None:
    throttle.admit(ADA, "192.0.2.1")
    throttle.succeeded(ADA, "192.0.2.1")
    for number in range(100):
        admitted(throttle, f"{number}@example.org", "192.0.2.1", 5)
    with pytest.raises(TooMany):
        throttle.admit("new@example.org", "192.0.2.1")
    throttle.admit(ADA, "192.0.2.1")


def test_no_wait_is_longer_than_ten_seconds(throttle: Throttle, clock: Clock) -> None:
    for number in range(200):
        admitted(throttle, ADA, f"10.0.0.{number}", 20)
    for number in range(200):
        admitted(throttle, f"{number}@example.org", "10.0.0.1", 20)
    waits_s = []
    for peer in ("10.0.0.1", "10.0.0.2", "10.9.9.9"):
        for email in (ADA, "1@example.org", "new@example.org"):
            try:
                throttle.admit(email, peer)
            except TooMany as error:
                waits_s.append(error.retry_after_s)
    assert len(waits_s) > 3
    assert min(waits_s) > 0
    assert max(waits_s) <= 10


def test_a_network_of_ipv6_is_one_client(throttle: Throttle) -> None:
    assert admitted(throttle, ADA, "2001:db8::1", 3) + admitted(throttle, ADA, "2001:db8::2", 3) == 5
    assert admitted(throttle, ADA, "2001:db8:0:1::1", 1) == 1
    assert admitted(throttle, ADA, "", 9) == 5  # no address known


def test_memory_is_bounded(clock: Clock) -> None:
    throttle = Throttle(monotonic_s=clock.monotonic_s, max_buckets=30)
    for number in range(500):
        email = f"{number}@example.org"
        throttle.admit(email, f"10.0.{number // 250}.{number % 250}")
        throttle.succeeded(email, "192.0.2.1")
    assert len(throttle._debts) <= 30
    assert len(throttle._known) <= 30


def test_with_other_rates_newcomers_are_held_back_too(clock: Clock) -> None:
    throttle = Throttle(rates=CODE_RATES, monotonic_s=clock.monotonic_s)
    throttle.admit("ada@example.org", "192.0.2.1")
    throttle.succeeded("ada@example.org", "192.0.2.1")
    for number in range(10):
        throttle.admit("ada@example.org", f"198.51.100.{number}")
    with pytest.raises(TooMany, match="wrong codes"):
        throttle.admit("ada@example.org", "203.0.113.9")
    throttle.admit("ada@example.org", "192.0.2.1")
    throttle.admit("bob@example.org", "203.0.113.9")
