from __future__ import annotations

import pytest

from nikdev_iot.client.connection.report import (
    Cause,
    ConnectionReport,
    State,
    Step,
    failed,
    fine,
    not_tried,
    note,
    warning,
)

STEPS = {
    State.OK: fine("a", "found", x=1),
    State.NOTE: note("a", "found", x=1),
    State.WARNING: warning("a", "found", "todo", x=1),
    State.FAILED: failed("a", "found", "todo", Cause.CLOCK, x=1),
    State.NOT_TRIED: not_tried("a", "b"),
}


@pytest.mark.parametrize("state", State)
def test_each_state(state: State) -> None:
    step = STEPS[state]
    assert step.state is state
    assert step.ok is (state in {State.OK, State.NOTE, State.WARNING})
    assert step.is_note is (state in {State.NOTE, State.NOT_TRIED})
    assert str(step).startswith(f"{state.value:<9} a: ")
    assert ("-> todo" in str(step)) is bool(step.todo)


@pytest.mark.parametrize("states", [[], [State.OK], [State.OK, State.WARNING, State.NOTE]])
def test_a_report_that_is_well(states: list[State]) -> None:
    report = ConnectionReport(tuple(STEPS[state] for state in states))
    assert report
    assert report.ok
    assert report.first_failure is None


def test_a_report_that_is_not() -> None:
    last = failed("z", "found", "todo", Cause.DENIED)
    report = ConnectionReport((STEPS[State.NOT_TRIED], STEPS[State.OK], STEPS[State.FAILED], last))
    assert not report
    assert report.first_failure is STEPS[State.FAILED]
    assert not ConnectionReport((STEPS[State.NOT_TRIED],))
    assert len(str(report).splitlines()) == 4


def test_what_others_say_is_put_on_one_short_line() -> None:
    step = failed("a", "x\n\x1b[2J" * 10_000, "y\r\n" * 10_000, Cause.ANSWER)
    for text in (step.found, step.todo):
        assert text.isprintable()
        assert len(text) <= 1000


def test_a_step_is_a_value() -> None:
    assert Step(name="a", state=State.OK, found="x") == fine("a", "x")
    with pytest.raises(AttributeError):
        fine("a", "x").found = "y"  # type: ignore[misc]
