"""The order of the steps, which of them needs which, and how long all may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from nikdev_iot.client.config import Config
from nikdev_iot.model.errors import NikDevError

from . import access, local, network, server
from .amounts import duration_text
from .inquiry import Inquiry
from .report import Cause, ConnectionReport, Step, failed, not_tried

if TYPE_CHECKING:
    from nikdev_iot.client.auto_push import PushState
    from nikdev_iot.journal.journal import Journal

__all__ = ["STEPS", "examine", "unconfigured"]

_Look: TypeAlias = Callable[[Inquiry], Step]

_LOOKS: dict[str, tuple[_Look, tuple[str, ...]]] = {
    "configuration": (network.configuration, ()),
    "dns": (network.dns, ()),
    "tcp": (network.tcp, ("dns",)),
    "tls": (network.tls, ("tcp",)),
    "server": (server.server, ("tls",)),
    "clock": (server.clock, ("server",)),
    "device": (access.device, ("configuration", "server")),
    "key": (access.key, ("device",)),
    "read": (access.read, ("key",)),
    "write": (access.write, ("key",)),
    "quota": (access.quota, ("key",)),
    "journal": (local.journal, ()),
    "queue": (local.queue, ()),
    "disk": (local.disk, ()),
}
"""Each step, and those that have to work before it can be tried."""
STEPS = tuple(_LOOKS)
_LOCAL = frozenset({"configuration", "journal", "queue", "disk"})
_CAUSES = {"configuration": Cause.CONFIG, "journal": Cause.JOURNAL, "queue": Cause.JOURNAL, "disk": Cause.JOURNAL}


def examine(
    config: Config,
    commits: Callable[[], Journal],
    *,
    now_us: Callable[[], int],
    push_state: Callable[[], PushState | None] = lambda: None,
    on_step: Callable[[Step], object] = lambda _: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> ConnectionReport:
    """Look at everything and report; never raises.

    A step waits for the network for `requestTimeout` at most, and none begins to after three times that; the steps on
    this device take a few seconds. `on_step` is called with each step when it is done.
    """
    at = Inquiry(config=config, commits=commits, push_state=push_state, now_us=now_us, monotonic=monotonic)
    at.begin()
    steps: dict[str, Step] = {}
    blocked: dict[str, str] = {}
    """Steps that failed or were not tried, and the step that is to be seen to first."""
    late: str | None = None
    try:
        for name, (look, needs) in _LOOKS.items():
            because = next((blocked[need] for need in needs if need in blocked), None)
            if because is None and name not in _LOCAL and at.is_over:
                because = late
            if because is not None:
                step = not_tried(name, because)
            elif name not in _LOCAL and at.is_over:
                step, late = _late(name, at), name
            else:
                step = _done(name, look, at)
            if not step.ok:
                blocked[name] = because or name
            steps[name] = step
            on_step(step)
    finally:
        at.close()
    return ConnectionReport(tuple(steps.values()), at.can_read, at.can_write, at.clock_offset_s)


def unconfigured(message: str, hint: str, *, on_step: Callable[[Step], object] = lambda _: None) -> ConnectionReport:
    """Return the report of a device whose configuration cannot even be read: nothing else was tried."""
    first, *others = STEPS
    steps = (
        failed(first, message, hint or "See the message.", Cause.CONFIG),
        *(not_tried(name, first) for name in others),
    )
    for step in steps:
        on_step(step)
    return ConnectionReport(steps)


def _late(name: str, at: Inquiry) -> Step:
    found = f"there was no time left for it: the steps before took {duration_text(at.monotonic() - at.began)}"
    todo = "The network or the server is very slow; 'requestTimeout' says how long to wait."
    return failed(name, found, todo, Cause.UNREACHABLE)


def _done(name: str, look: _Look, at: Inquiry) -> Step:
    at.begin_step()
    try:
        return look(at)
    except NikDevError as error:
        return failed(name, error.message, error.hint or "See the message.", _CAUSES.get(name, Cause.ANSWER))
    except Exception as error:  # noqa: BLE001 - a test of the connection reports whatever it meets
        found = f"{type(error).__name__}: {error}"
        return failed(name, found, "Please report this: it is a defect.", Cause.UNEXPECTED)
