"""What the connection test reports: one step after the other, each with what was found and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nikdev_iot.model.showing import one_line

__all__ = ["Cause", "ConnectionReport", "State", "Step", "failed", "fine", "not_tried", "note", "warning"]

_LONGEST_CHARS = 1_000


class State(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    """It works; something should be done all the same."""
    NOTE = "note"
    """There was nothing to test, or something is missing that nothing needs now."""
    FAILED = "failed"
    NOT_TRIED = "not tried"
    """An earlier step has to succeed first."""


class Cause(StrEnum):
    """Whose business a failure is: what a program would act on differently."""

    CONFIG = "config"
    UNREACHABLE = "unreachable"
    """The server did not answer, or could not now; later may help."""
    ANSWER = "answer"
    """Something answered, and not as a NikDev server does."""
    CLOCK = "clock"
    DENIED = "denied"
    JOURNAL = "journal"
    """The device's own store, or the disk it is on."""
    UNEXPECTED = "unexpected"
    """A defect of the test itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    todo: str = ""
    """What to do; empty where nothing is to be done, or where an earlier step is to be seen to first."""
    cause: Cause | None = None
    """Of a failed step."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The same as `found`, for programs: numbers with their unit in their name."""

    @property
    def ok(self) -> bool:
        """False where something is to be done before it works, or where it could not be tried."""
        return self.state not in (State.FAILED, State.NOT_TRIED)

    @property
    def is_note(self) -> bool:
        """Whether it was found neither well nor ill."""
        return self.state in (State.NOTE, State.NOT_TRIED)

    def __str__(self) -> str:
        return f"{self.state.value:<9} {self.name}: {self.found}" + (f" -> {self.todo}" if self.todo else "")


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What the connection test found; true where all is well."""

    steps: tuple[Step, ...]
    can_read: bool = False
    can_write: bool = False
    clock_offset_s: float | None = None
    """How far this device's clock is ahead of the server's; None where the server was not reached."""

    @property
    def ok(self) -> bool:
        """Whether every step works."""
        return all(step.ok for step in self.steps)

    @property
    def first_failure(self) -> Step | None:
        """The first step that failed; None where none did."""
        return next((step for step in self.steps if step.state is State.FAILED), None)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def fine(name: str, found: str, **details: Any) -> Step:
    """Return a step that works."""
    return Step(name=name, state=State.OK, found=_line(found), details=details)


def note(name: str, found: str, **details: Any) -> Step:
    """Return a step that is neither well nor ill."""
    return Step(name=name, state=State.NOTE, found=_line(found), details=details)


def warning(name: str, found: str, todo: str, **details: Any) -> Step:
    """Return a step that works, with something to do about it."""
    return Step(name=name, state=State.WARNING, found=_line(found), todo=_line(todo), details=details)


def failed(name: str, found: str, todo: str, cause: Cause, **details: Any) -> Step:
    """Return a step that does not work."""
    return Step(name=name, state=State.FAILED, found=_line(found), todo=_line(todo), cause=cause, details=details)


def not_tried(name: str, because: str) -> Step:
    """Return a step that has to wait until `because`, the name of another, works."""
    return Step(name=name, state=State.NOT_TRIED, found=f"not tried, because of '{because}'")


def _line(text: str) -> str:
    """Return what may come from a server or a file, so that it can be shown."""
    return one_line(text[: 2 * _LONGEST_CHARS])[:_LONGEST_CHARS]
