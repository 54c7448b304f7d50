"""The connection test: step by step from the configuration to the journal, each with what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nikdev_iot.model.errors import ConfigError, NikDevError
from nikdev_iot.model.showing import one_line, short

from .answers import Answer, NotOurs
from .config import Config
from .transport import Transport, TransportError

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal

__all__ = ["ConnectionReport", "Step", "examine"]

CLOCK_TOLERANCE_S = 60.0
STEPS = ("configuration", "reach", "server", "clock", "key", "read", "write", "journal")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at."""

    name: str
    ok: bool
    """False where something is to be done, or could not be looked at."""
    found: str
    todo: str = ""
    """What to do; empty where `ok`, and where an earlier step is to be seen to first."""
    is_note: bool = False
    """Neither found well nor ill: an access that the key lacks and nothing needs now, or a step that was not tried."""

    def __str__(self) -> str:
        mark = "-   " if self.is_note else "ok  " if self.ok else "FAIL"
        return f"{mark} {self.name}: {self.found}" + (f" -> {self.todo}" if self.todo else "")


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
        """Whether nothing is to be done."""
        return all(step.ok for step in self.steps)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


def examine(
    config: Config,
    open_journal: Callable[[], Journal],
    *,
    now_us: Callable[[], int],
    monotonic: Callable[[], float] = time.monotonic,
) -> ConnectionReport:
    """Look at everything and report; never raises."""
    examination = _Examination(config, open_journal, now_us, monotonic)
    for name, look in examination.looks():
        try:
            step = look()
        except NikDevError as error:
            step = _ill(name, error.message, error.hint or "See the message.")
        except Exception as error:  # noqa: BLE001 - a test of the connection reports whatever it meets
            step = _ill(name, f"{type(error).__name__}: {error}", "Please report this: it is a defect.")
        examination.steps.append(step)
    examination.close()
    return ConnectionReport(
        tuple(examination.steps), examination.can_read, examination.can_write, examination.clock_offset_s
    )


class _Examination:
    def __init__(
        self,
        config: Config,
        open_journal: Callable[[], Journal],
        now_us: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._config = config
        self._open_journal = open_journal
        self._now_us = now_us
        self._monotonic = monotonic
        self.steps: list[Step] = []
        self.can_read = self.can_write = False
        self.clock_offset_s: float | None = None
        self._asked_us = 0
        self._headers: dict[str, str] | None = None
        self._transport: Transport | None = None
        self._answer: Answer | None = None
        self._server: dict[str, Any] | None = None
        self._key: dict[str, Any] | None = None

    def looks(self) -> Iterator[tuple[str, Callable[[], Step]]]:
        return zip(
            STEPS,
            (
                self._configuration,
                self._reach,
                self._is_nikdev,
                self._clock,
                self._credentials,
                self._read,
                self._write,
                self._journal,
            ),
            strict=True,
        )

    def _configuration(self) -> Step:
        from .transport import credential_headers

        try:
            self._headers = credential_headers(self._config)
        except ConfigError as error:
            return _ill("configuration", error.message, error.hint)
        return _well("configuration", f"server {self._config.base_url}, device {self._config.checked_device_id()}")

    def _get(self, path: str) -> Answer:
        if self._transport is None:
            self._transport = Transport(
                base_url=self._config.base_url, timeout_s=self._config.request_timeout_s, headers=self._headers
            )
        return self._transport.request("GET", path)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _reach(self) -> Step:
        began = self._monotonic()
        before_us = self._now_us()
        try:
            self._answer = self._get("")
        except TransportError as error:
            return _ill("reach", f"{error.message} ({error.trouble})", error.hint)
        self._asked_us = (before_us + self._now_us()) // 2
        took_ms = (self._monotonic() - began) * 1000
        secured = "over TLS" if self._config.base_url.startswith("https:") else "without TLS"
        return _well("reach", f"{self._config.base_url} answered after {took_ms:.0f} ms, {secured}")

    def _is_nikdev(self) -> Step:
        if self._answer is None:
            return _not_tried("server", "reach")
        hint = "Check 'baseUrl': it ends with /api/v1/ for a NikDev server."
        if not self._answer.ok:
            return _ill("server", self._answer.explain(), hint)
        try:
            about = self._answer.json()
        except NotOurs as error:
            return _ill("server", error.message, hint)
        if not isinstance(about, dict) or about.get("name") != "nikdev-iot":
            return _ill("server", self._answer.not_ours(), hint)
        self._server = about
        version = about.get("version")
        return _well(
            "server", f"NikDev IoT {one_line(version)[:40] if isinstance(version, str) else 'of unknown version'}"
        )

    def _clock(self) -> Step:
        server_us = None if self._server is None else self._server.get("server_time_us")
        if self._server is None:
            return _not_tried("clock", "server")
        if type(server_us) is not int:
            return _ill("clock", "the server does not tell its time", "Upgrade the server, or check 'baseUrl'.")
        self.clock_offset_s = (self._asked_us - server_us) / 1_000_000
        side = "ahead of" if self.clock_offset_s > 0 else "behind"
        found = f"this device's clock is {abs(self.clock_offset_s):.1f} s {side} the server's"
        if abs(self.clock_offset_s) <= CLOCK_TOLERANCE_S:
            return _well("clock", found)
        return _ill("clock", found, "Set the clock of whichever is wrong, best by NTP.")

    def _credentials(self) -> Step:
        if self._headers is None:
            return _not_tried("key", "configuration")
        if self._server is None:
            return _not_tried("key", "server")
        answer = self._get("device")
        if answer.status == 401:
            return _ill("key", answer.explain(), "Compare Device ID and API key with those on the server.")
        if not answer.ok:
            return _ill("key", answer.explain(), "Try again; if it stays, ask who runs the server.")
        device = answer.json()
        try:
            self._key = dict(device["key"])
            name = device["name"]
        except (LookupError, TypeError, ValueError):
            return _ill("key", answer.not_ours(), "Upgrade the server, or check 'baseUrl'.")
        self.can_read = self._key.get("read") is True
        self.can_write = self._key.get("write") is True
        key_name = self._key.get("name")
        return _well(
            "key", f"device {short(name)}, " + (f"key {short(key_name)}" if key_name else "a key without a name")
        )

    def _read(self) -> Step:
        if self._key is None:
            return _not_tried("read", "key")
        if not self.can_read:
            return self._without("read", "get() and fetch() need one that has it")
        answer = self._get("values/")
        if not answer.ok:
            self.can_read = False
            return _ill("read", answer.explain(), "Ask who runs the server.")
        return _well("read", "reading works")

    def _write(self) -> Step:
        if self._key is None:
            return _not_tried("write", "key")
        if not self.can_write:
            return self._without("write", "push() needs one that has it")
        # Asking for a mark needs write access, and changes nothing.
        answer = self._get(f"origins/{self._origin()}")
        if not answer.ok:
            self.can_write = False
            return _ill("write", answer.explain(), "Ask who runs the server.")
        return _well("write", "writing is allowed")

    def _origin(self) -> str:
        try:
            return str(self._open_journal().origin)
        except NikDevError:
            return "11111111-1111-4111-8111-111111111111"  # what is wrong with the journal is the next step's

    def _waiting(self) -> tuple[int, int]:
        try:
            status = self._open_journal().status()
        except NikDevError:
            return 0, 0  # as above
        return status.unpushed, status.rejected

    def _without(self, access: str, need: str) -> Step:
        unpushed, rejected = self._waiting() if access == "write" else (0, 0)
        if unpushed or rejected:
            found = f"this key has no write access, and commits wait: {unpushed} unpushed, {rejected} set aside"
            then = "restore_rejected() and push()" if rejected else "push()"
            return _ill(access, found, f"Give it write access on the server, then {then}.")
        if self.can_read or self.can_write:
            return Step(name=access, ok=True, found=f"this key has no {access} access; {need}", is_note=True)
        return _ill(access, f"this key has no {access} access", f"Give it {access} access on the server.")

    def _journal(self) -> Step:
        journal = self._open_journal()
        status = journal.status()
        found = f"{journal.path}: {status.unpushed} unpushed, {status.rejected} set aside"
        return _well("journal", found + (" (see rejected())" if status.rejected else ""))


def _well(name: str, found: str) -> Step:
    return Step(name=name, ok=True, found=found)


def _ill(name: str, found: str, todo: str) -> Step:
    return Step(name=name, ok=False, found=found, todo=todo)


def _not_tried(name: str, because: str) -> Step:
    return Step(name=name, ok=False, found=f"not tried, because of {because!r}", is_note=True)
