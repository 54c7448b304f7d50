"""What `nikdev` exits with; documented in `docs/cli.md`."""

from __future__ import annotations

from enum import IntEnum

from nikdev_iot.model.errors import (
    ConfigError,
    GetException,
    JournalError,
    NikDevError,
    PushException,
    ValueRefused,
    WireError,
)

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """One number for each thing that a script would act on differently."""

    OK = 0
    """Done."""
    UNEXPECTED = 1
    """A fault of `nikdev` itself; please report it."""
    USAGE = 2
    """The command line cannot be understood."""
    CONFIG = 3
    """No `.nikdev/` here, a setting that cannot be used, or a part that is not installed."""
    REFUSED = 4
    """A value, time or file that cannot be kept exactly; nothing of it was kept."""
    JOURNAL = 5
    """The device's store could not do it, or `fsck` found something."""
    UNREACHABLE = 6
    """The server did not take it or did not answer; every commit is still queued, later may help."""
    DENIED = 7
    """The server refused Device ID, API key or its access."""
    ANSWER = 8
    """The server answered, and with something else than what was asked for: an unknown field, for one."""
    CANNOT_LISTEN = 9
    """`serve`: the address is taken by another program, or is not this machine's."""
    CLOCK = 10
    """`doctor`: this device's clock and the server's are far apart."""
    INTERRUPTED = 130
    """Ctrl-C."""
    BROKEN_PIPE = 141
    """Whoever read the output stopped reading."""


_DENIED_STATUSES = frozenset({401, 403})


def exit_code_of(error: NikDevError) -> ExitCode:
    """Return the exit code for an error."""
    if isinstance(error, (PushException, GetException)):
        if error.status in _DENIED_STATUSES or (isinstance(error, PushException) and not error.retained_data):
            return ExitCode.DENIED
        if error.status is None or error.status == 429 or error.status >= 500:
            return ExitCode.UNREACHABLE
        return ExitCode.ANSWER
    if isinstance(error, WireError):
        return ExitCode.ANSWER
    if isinstance(error, JournalError):
        return ExitCode.JOURNAL
    if isinstance(error, ValueRefused):
        return ExitCode.REFUSED
    if isinstance(error, ConfigError):
        return ExitCode.CONFIG
    return _by_status(error)


def _by_status(error: NikDevError) -> ExitCode:
    """Judge an error of the server's own verbs, whose classes this side does not import."""
    status = getattr(error, "status", None)
    if status is None:
        return ExitCode.CONFIG
    return ExitCode.REFUSED if 400 <= status < 500 else ExitCode.JOURNAL
