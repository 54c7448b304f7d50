from __future__ import annotations

from tests.server.segments.worked_example import example_segment


def test_what_a_segment_says_of_itself() -> None:
    segment = example_segment()
    assert (len(segment), segment.first, segment.last) == (3, 1, 4)
    assert (segment.times - segment.recorded_times()).tolist() == [0, 500_000, 0]
