"""The steps on this device: the journal, what waits in it, and the disk. They are tried whatever the network does."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nikdev_iot.model.clocks import EARLIEST_US
from nikdev_iot.model.errors import ConfigError, JournalError, NikDevError
from nikdev_iot.model.showing import one_line
from nikdev_iot.model.times import iso

from .amounts import bytes_text, counted, duration_text
from .inquiry import Inquiry
from .report import Cause, Step, failed, fine, not_tried, note, warning

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.journal.records import JournalStatus

__all__ = ["FULL_BYTES", "LITTLE_BYTES", "disk", "journal", "open_journal", "queue", "read_status"]

LOOK_S = 2.0
"""For looking at the journal's file."""
LOCK_S = 5.0
"""For another program that keeps the journal locked."""
LITTLE_BYTES = 200_000_000
"""Less free space is little: a warning."""
FULL_BYTES = 10_000_000
"""Less is none: commits are about to fail."""
_MAX_SAID = 3
"""Of what is wrong with the file, as in `nikdev fsck`."""
_LONG_S = 86_400
_ALMOST_FULL = 0.8
"""Of the limit, part of which the journal keeps for what a push must be able to write."""
_ROOM = "Make room on it: a full disk makes commit() fail; what was committed before is kept."


def journal(at: Inquiry) -> Step:
    """Can the journal be used, and is it whole?"""
    if not at.config.stage_unpushed_entries:
        return note(
            "journal", "commits are kept in memory ('stageUnpushedEntries' is False): unpushed ones end with it"
        )
    try:
        path = at.config.journal_path()
    except ConfigError:
        return not_tried("journal", "configuration")
    opened = open_journal(at)
    if opened is None:
        return _no_journal(at, path)
    status = read_status(at)
    if status is None:
        return _ill(at.journal_error, path)
    try:
        health = opened.health(within_s=LOOK_S)
    except JournalError as error:
        return _ill(error, path)
    limit_bytes = at.config.storage_limit_bytes
    details = {
        "path": str(path),
        "size_bytes": status.size_bytes,
        "limit_bytes": limit_bytes,
        "is_whole": health.is_whole,
    }
    if health.problems:
        said = f"{path} is damaged: {one_line('; '.join(health.problems[:_MAX_SAID]))}"
        if len(health.problems) > _MAX_SAID:
            said += f"; {len(health.problems) - _MAX_SAID} more of this kind"
        todo = "Keep a copy of it and of the files beside it; then `nikdev fsck` says all that is wrong."
        return failed("journal", said, todo, Cause.JOURNAL, problems=list(health.problems), **details)
    looked = (
        "no fault found" if health.is_whole else f"no fault found within {LOOK_S:g} s; `nikdev fsck` reads all of it"
    )
    size = bytes_text(status.size_bytes)
    if limit_bytes is None:
        return fine("journal", f"{path}, {size}, {looked}", **details)
    text = f"{path}, {size} of at most {bytes_text(limit_bytes)}, {looked}"
    if status.unpushed and at.config.storage_policy == "refuse" and status.size_bytes >= _ALMOST_FULL * limit_bytes:
        todo = "push() what waits, or raise 'storageLimit': where nothing pushed is left to go, commit() is refused."
        return warning("journal", f"{text}; it is close to its limit", todo, **details)
    return fine("journal", text, **details)


def _no_journal(at: Inquiry, path: Path) -> Step:
    if at.journal_error is not None:
        return _ill(at.journal_error, path)
    ground = _ground(path.parent)
    if not ground.is_dir():
        found = f"{path} cannot be made: {ground} is a file, not a folder"
        return failed("journal", found, "Choose another place (storagePath or storageFilename).", Cause.JOURNAL)
    if not os.access(ground, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        found = f"{path} cannot be made: this user may not write to {ground}"
        todo = "Give this user the right to, or choose another place (storagePath or storageFilename)."
        return failed("journal", found, todo, Cause.JOURNAL)
    return fine("journal", f"{path} is not there yet; the first commit makes it", path=str(path), size_bytes=0)


def _ill(error: Exception | None, path: Path) -> Step:
    if isinstance(error, NikDevError):
        return failed("journal", error.message, error.hint or "Run `nikdev fsck`.", Cause.JOURNAL, path=str(path))
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    todo = "Give this user the right to it and its folder, or choose another place (storagePath or storageFilename)."
    return failed("journal", f"{path} cannot be used: {reason}", todo, Cause.JOURNAL, path=str(path))


def queue(at: Inquiry) -> Step:
    """What waits to be pushed, since when, and what was set aside?"""
    if not at.config.stage_unpushed_entries:
        status: JournalStatus | None = at.commits().status()
    else:
        try:
            path = at.config.journal_path()
        except ConfigError:
            return not_tried("queue", "configuration")
        status = read_status(at)
        if status is None and (at.journal_error is not None or not _ground(path.parent).is_dir()):
            return not_tried("queue", "journal")
    unpushed, rejected, dropped = (status.unpushed, status.rejected, status.dropped) if status else (0, 0, 0)
    age_s, found = _waiting(at, status)
    if rejected:
        found += f"; {counted(rejected, 'commit')} set aside"
    if dropped:
        found += f"; {counted(dropped, 'commit')} dropped at the storage limit, ever"
    details: dict[str, object] = {"unpushed": unpushed, "rejected": rejected, "dropped": dropped, "oldest_age_s": age_s}
    pushing, todos = _auto_push(at, details), []
    if rejected:
        todos.append("rejected() says why; when that is mended, restore_rejected() and push().")
    if age_s is not None and age_s > _LONG_S and at.push_state() is None:
        todos.append("push() sends what waits: does the program that should do it run?")
    if pushing:
        found += f"; {pushing}"
        if details["push_failures"]:
            todos.append("The steps above say what keeps it from pushing.")
    return warning("queue", found, " ".join(todos), **details) if todos else fine("queue", found, **details)


def _waiting(at: Inquiry, status: JournalStatus | None) -> tuple[float | None, str]:
    """Return how old the oldest commit is that waits, where that is known, and what waits in words."""
    if status is None or not status.unpushed:
        return None, "nothing waits to be pushed"
    found = f"{counted(status.unpushed, 'commit')} not pushed yet"
    if status.oldest_unpushed_us is None:
        return None, found
    age_s, since = _age(at, status.oldest_unpushed_us)
    return age_s, f"{found}, the oldest {since}"


def _auto_push(at: Inquiry, details: dict[str, object]) -> str:
    """Return how pushing in the background stands in this program; empty where it does not run here."""
    state = at.push_state()
    details |= {"push_phase": None, "push_failures": 0}
    if state is None:
        return ""
    details |= {"push_phase": state.phase, "push_failures": state.failures}
    text = f"autoPush: {state.phase}"
    if state.failures:
        text += f" after {counted(state.failures, 'failure')}"
        if state.next_try_us is not None:
            text += f", tries again in {duration_text(max(0.0, (state.next_try_us - at.now_us()) / 1_000_000))}"
        text += f", the last: {state.last_error}"
    return text


def _age(at: Inquiry, time_us: int) -> tuple[float | None, str]:
    """Return how long ago that was, by the server's clock where it was asked, and in words."""
    now_us = at.now_us() - round((at.clock_offset_s or 0.0) * 1_000_000)
    when = iso(time_us // 1_000_000 * 1_000_000)
    if time_us < EARLIEST_US or time_us > now_us + 60_000_000:
        return None, f"recorded at {when}, by a clock that was wrong"
    age_s = max(0.0, (now_us - time_us) / 1_000_000)
    return age_s, f"for {duration_text(age_s)} (since {when})"


def disk(at: Inquiry) -> Step:
    """Is there room for more commits?"""
    try:
        ground = _ground(at.config.journal_path().parent)
    except ConfigError:
        return not_tried("disk", "configuration")
    try:
        usage = shutil.disk_usage(ground)
    except OSError as error:
        found = f"the disk of {ground} cannot be looked at: {error.strerror}"
        return failed("disk", found, "Is it there, and may this user use it?", Cause.JOURNAL, path=str(ground))
    found = f"{bytes_text(usage.free)} of {bytes_text(usage.total)} free where the journal is ({ground})"
    details = {"path": str(ground), "free_bytes": usage.free, "total_bytes": usage.total}
    if usage.free < FULL_BYTES:
        return failed("disk", f"{found}: almost nothing", _ROOM, Cause.JOURNAL, **details)
    if usage.free < LITTLE_BYTES:
        return warning("disk", f"{found}: that is little", _ROOM, **details)
    return fine("disk", found, **details)


def open_journal(at: Inquiry) -> Journal | None:
    """Return the journal, where there is one; None without one, and `at.journal_error` where it cannot be opened.

    It is opened as it is: nothing is made, taken over from 0.5.5, or saved from a damaged file.
    """
    if not at.config.stage_unpushed_entries:
        return at.commits()
    if at.journal is None and at.journal_error is None:
        from nikdev_iot.journal.emptied import is_emptied
        from nikdev_iot.journal.journal import Journal

        try:
            path = at.config.journal_path()
            if is_emptied(path):
                at.journal_error = _emptied(path)
            elif path.exists():
                at.journal = Journal.open(path, device_id=_device_id(at), busy_timeout_s=LOCK_S)
        except (NikDevError, OSError) as error:
            at.journal_error = error
    return at.journal


def _emptied(path: Path) -> JournalError:
    return JournalError(
        f"The journal {path} is empty (0 bytes: a fault of the disk, or a power cut), though there was one before.",
        path=str(path),
        operation="open",
        hint="Keep a copy of its folder first. The next command or program that opens it (`nikdev status`) sets it "
        "aside, saves what its log holds, and begins a new one; what was pushed is on the server.",
    )


def read_status(at: Inquiry) -> JournalStatus | None:
    """Return the journal in numbers; None without one, and `at.journal_error` where it cannot be read."""
    if at.status is None:
        found = open_journal(at)
        try:
            at.status = None if found is None else found.status()
        except NikDevError as error:
            at.journal_error = error
    return at.status


def _device_id(at: Inquiry) -> str | None:
    with suppress(ConfigError):
        return at.config.checked_device_id()
    return None


def _ground(folder: Path) -> Path:
    """Return the nearest part of a path that is there."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            if place.exists():
                return place
    return folder
