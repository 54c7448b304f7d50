"""The steps that ask as the device: who it is to the server, what its key opens, and how much the server takes."""

from __future__ import annotations

from typing import Any

from nikdev_iot.client.answers import Answer
from nikdev_iot.client.transport import TransportError
from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.showing import short
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, iso

from .amounts import bytes_text, counted, duration_text
from .inquiry import Inquiry
from .local import open_journal, read_status
from .report import Cause, Step, failed, fine, note, warning

__all__ = ["device", "key", "quota", "read", "write"]

_SOON_S = 7 * 86_400
_ALMOST_ALL = 0.9
_KEYS = "on the server, in the section API Keys of this device"
_KEY_ENDS = {
    "key-expired": (
        "this API key has expired",
        f"Make a new key and set it as 'apiKey', or change its expiry: {_KEYS}.",
    ),
    "key-revoked": ("this API key was revoked, and stays so", f"Make a new key and set it as 'apiKey': {_KEYS}."),
}
"""Why a right key opens nothing, and what to do."""
_NOBODY = "11111111-1111-4111-8111-111111111111"
"""An origin to ask about where there is no journal yet."""


def device(at: Inquiry) -> Step:
    """Does the server know this device?"""
    answer = _ask(at, "device", "device")
    if isinstance(answer, Step):
        return answer
    device_id = at.config.checked_device_id()
    if answer.status == 401 and _reason_of(answer):
        at.device_answer = answer  # the device is known, and its key the next step's business
        return fine("device", f"the server knows {device_id}; its name it tells to a key that is in force")
    if answer.status == 401:
        known = (answer.said() or {}).get("code") == "unauthorized"
        found = f"the server has no device {device_id} with this API key" if known else answer.explain()
        found += "; it does not say which of the two is wrong"
        todo = (
            f"Compare both with those on the server: 'deviceId' (here {device_id}) with the Device ID on the first "
            "view of your device, 'apiKey' with a key of its section API Keys."
        )
        return failed("device", found, todo, Cause.DENIED, status=401)
    if not answer.ok:
        return refused("device", answer)
    try:
        about = answer.json()
        name, at.device = str(about["name"]), {**about, "key": dict(about["key"])}
    except (NikDevError, LookupError, TypeError, ValueError):
        return failed("device", answer.not_ours(), "Upgrade the server, or check 'baseUrl'.", Cause.ANSWER)
    return fine("device", f"{short(name)}, {device_id}", device_id=device_id, device_name=name)


def key(at: Inquiry) -> Step:
    """Is the key in force, and for how long?"""
    if at.device_answer is not None:
        reason = _reason_of(at.device_answer)
        found, todo = _KEY_ENDS[reason]
        return failed("key", found, todo, Cause.DENIED, reason=reason)
    at.can_read = at.key.get("read") is True
    at.can_write = at.key.get("write") is True
    name = at.key.get("name")
    access = [word for word, has in (("read", at.can_read), ("write", at.can_write)) if has]
    found = f"key {short(name)}" if name else "a key without a name"
    found += f", which may {' and '.join(access) or 'nothing'}"
    told = at.key.get("expires_us")
    expires_us = told if type(told) is int and MIN_TIME_US <= told <= MAX_TIME_US else None
    details = {"key_name": name, "access": access, "expires_us": expires_us}
    if expires_us is None:
        return fine("key", f"{found}; it never expires", **details)
    # By the server's clock, which ends it.
    left_s = expires_us / 1_000_000 - (at.now_us() / 1_000_000 - (at.clock_offset_s or 0.0))
    found += f", until {iso(expires_us // 1_000_000 * 1_000_000)}"
    if left_s < _SOON_S:
        todo = f"Make a new key, or change its expiry, before: {_KEYS}."
        return warning("key", f"{found}: that is in {duration_text(max(left_s, 0))}", todo, **details)
    return fine("key", found, **details)


def read(at: Inquiry) -> Step:
    """May this key read?"""
    if not at.can_read:
        return _without(at, "read", "get() and fetch() need one that has it")
    answer = _ask(at, "read", "values/")
    if isinstance(answer, Step) or not answer.ok:
        at.can_read = False
        return answer if isinstance(answer, Step) else refused("read", answer)
    return fine("read", "reading works")


def write(at: Inquiry) -> Step:
    """May this key write? Asking for a mark needs write access, and changes nothing."""
    if not at.can_write:
        return _without(at, "write", "push() needs one that has it")
    answer = _ask(at, "write", f"origins/{_origin(at)}")
    if isinstance(answer, Step) or not answer.ok:
        at.can_write = False
        return answer if isinstance(answer, Step) else refused("write", answer)
    return fine("write", "writing is allowed; nothing was written")


def quota(at: Inquiry) -> Step:
    """How much does the server take, and how much of it is used?"""
    about = at.device or {}
    limits = about.get("limits")
    if not isinstance(limits, dict):
        return note("quota", "the server does not tell its limits")
    numbers = {name: value for name, value in limits.items() if type(value) in {int, float} and 0 <= value < 2**63}
    parts = []
    if "requests_per_s" in numbers:
        at_once = f", {numbers['burst']:g} at once" if "burst" in numbers else ""
        parts.append(f"{numbers['requests_per_s']:g} requests per second{at_once}")
    if "body_bytes" in numbers and "commits" in numbers:
        parts.append(
            f"{bytes_text(numbers['body_bytes'])} or {counted(int(numbers['commits']), 'commit')} in one request"
        )
    most, used = numbers.get("fields_per_device"), about.get("field_count")
    if most is not None and type(used) is int:
        parts.append(f"{used:,} of {most:,} fields used")
    if about.get("accepts_new_fields") is False:
        parts.append("new fields are not accepted: commits with one are set aside")
    details = {"limits": numbers, "field_count": used, "accepts_new_fields": about.get("accepts_new_fields")}
    found = "; ".join(parts) or "the server does not tell its limits"
    if most is not None and type(used) is int and used >= _ALMOST_ALL * most:
        todo = "Commits with a field beyond that are set aside: use fewer Field IDs, or ask for more."
        return warning("quota", found, todo, **details)
    return fine("quota", found, **details)


def refused(name: str, answer: Answer) -> Step:
    """Return the step that ended with an answer which is no success."""
    found, status = answer.explain(), answer.status
    if status in {401, 403}:
        todo = "Compare Device ID, API key and its access with those on the server."
        return failed(name, found, todo, Cause.DENIED, status=status)
    if status == 429:
        wait_s = answer.retry_after_s
        todo = f"Wait {duration_text(wait_s or 1)} and try again; another program may be using this key all the time."
        return failed(name, found, todo, Cause.UNREACHABLE, status=status, retry_after_s=wait_s)
    if status >= 500:
        todo = "Try again in a while; if it stays, ask who runs the server: its log says why."
        return failed(name, found, todo, Cause.UNREACHABLE, status=status)
    return failed(name, found, "Upgrade the server, or check 'baseUrl'.", Cause.ANSWER, status=status)


def _ask(at: Inquiry, name: str, path: str) -> Answer | Step:
    try:
        return at.get(path)
    except TransportError as error:
        return failed(name, error.message, error.hint, Cause.UNREACHABLE)


def _reason_of(answer: Answer) -> str:
    reason: Any = (answer.said() or {}).get("reason")
    return reason if reason in _KEY_ENDS else ""


def _origin(at: Inquiry) -> str:
    journal = open_journal(at)
    try:
        return _NOBODY if journal is None else str(journal.origin)
    except NikDevError:
        return _NOBODY  # what is wrong with the journal is its own step's business


def _without(at: Inquiry, access: str, need: str) -> Step:
    status = read_status(at) if access == "write" else None
    unpushed, rejected = (status.unpushed, status.rejected) if status else (0, 0)
    if unpushed or rejected:
        waits = [f"{counted(unpushed, 'commit')} not pushed yet"] if unpushed else []
        waits += [f"{counted(rejected, 'commit')} set aside"] if rejected else []
        found = f"this key has no write access, which is needed here: {', '.join(waits)}"
        then = "restore_rejected() and push()" if rejected else "push()"
        return failed(access, found, f"Give it write access on the server, then {then}.", Cause.DENIED)
    if at.can_read or at.can_write:
        return note(access, f"this key has no {access} access; {need}")
    return failed(access, f"this key has no {access} access", f"Give it {access} access on the server.", Cause.DENIED)
