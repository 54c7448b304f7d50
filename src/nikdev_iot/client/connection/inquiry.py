"""What the steps of the connection test share: the configuration, the time that is left, and what was found so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nikdev_iot.client.answers import Answer
from nikdev_iot.client.config import Config
from nikdev_iot.client.transport import Transport

if TYPE_CHECKING:
    from nikdev_iot.client.auto_push import PushState
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.journal.records import JournalStatus

    from .line import Line

__all__ = ["Inquiry"]

_SHORTEST_S = 0.05
MOST_TIMEOUTS = 3
"""No step begins to wait for the network after so many times the timeout."""


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """One run of the connection test. A step reads what those before it found, and leaves what those after it need."""

    config: Config
    commits: Callable[[], Journal]
    """The journal of the program that asks; opened only where it is in memory."""
    push_state: Callable[[], PushState | None]
    now_us: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    began: float = 0.0
    step_ends: float = 0.0

    headers: dict[str, str] | None = None
    """Device ID and key."""
    proxy: str | None = None
    line: Line | None = None
    server: dict[str, Any] | None = None
    """What the server said of itself."""
    asked_us: int = 0
    """This device's clock when the server read its own."""
    round_trip_s: float = 0.0
    clock_offset_s: float | None = None
    device_answer: Answer | None = None
    device: dict[str, Any] | None = None
    """What the server said of the device."""
    can_read: bool = False
    can_write: bool = False
    journal: Journal | None = None
    """Opened by the step of the same name, or by the first one before it that needs it; closed at the end."""
    journal_error: Exception | None = None
    status: JournalStatus | None = None

    _transport: Transport | None = field(default=None, repr=False)

    def begin(self) -> None:
        """Start the clocks."""
        self.began = self.monotonic()
        self.begin_step()

    def begin_step(self) -> None:
        """Give the next step its time."""
        self.step_ends = self.monotonic() + self.config.request_timeout_s

    @property
    def left_s(self) -> float:
        """How long this step may still wait."""
        return max(self.step_ends - self.monotonic(), _SHORTEST_S)

    @property
    def is_over(self) -> bool:
        """Whether there is no time left to wait for the network."""
        return self.monotonic() - self.began > MOST_TIMEOUTS * self.config.request_timeout_s

    @property
    def key(self) -> dict[str, Any]:
        """What the server said of the key."""
        found = (self.device or {}).get("key")
        return found if isinstance(found, dict) else {}

    def open_transport(self) -> Transport:
        """Return the way by which all requests go, ready for the first."""
        if self._transport is None:
            self._transport = Transport(base_url=self.config.base_url, timeout_s=self.config.request_timeout_s)
            self._transport.prepare()
        return self._transport

    def get(self, path: str) -> Answer:
        """Ask the server as the device; raises `TransportError`. Only once it is known who answers."""
        return self.open_transport().request("GET", path, headers=self.headers)

    def close(self) -> None:
        """Let go of connections and files."""
        for open_one in (self._transport, self.line, self.journal):
            if open_one is not None:
                open_one.close()
