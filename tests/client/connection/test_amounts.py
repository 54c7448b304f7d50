from __future__ import annotations

import pytest

from nikdev_iot.client.connection.amounts import bytes_text, counted, duration_text, ms_text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_900, "1000 kB"), (1_234_567, "1.23 MB"), (5e13, "50 TB")],
)
def test_sizes(count: float, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 seconds"),
        (9.94, "9.9 seconds"),
        (119.9, "120 seconds"),
        (120, "2 minutes"),
        (7_199, "119 minutes"),
        (7_200, "2 hours"),
        (3 * 86_400, "3 days"),
        (70_000_000, "2 years"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0004, "0.4 ms"), (0.00994, "9.9 ms"), (0.012, "12 ms"), (0.999, "999 ms"), (1.25, "1.2 s")]
)
def test_how_long_something_took(seconds: float, text: str) -> None:
    assert ms_text(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 commits"), (1, "1 commit"), (12_345, "12,345 commits")])
def test_counts(count: int, text: str) -> None:
    assert counted(count, "commit") == text
