"""JSON, version 1: what the 0.5.5 client speaks, accepted for ever (`docs/wire.md`, "JSON v1").

The caller parses the JSON text with a parser of its choice; here it is checked and given a form, naming the place of
whatever is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import isfinite
from typing import Any

from nikdev_iot.model.commits import DIGEST_BYTES, commit_digest
from nikdev_iot.model.errors import Malformed, TooLarge, ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, to_time_us
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Value, check_field_id, check_value

from .limits import DEFAULT_LIMITS, Limits

__all__ = ["Entry", "Latest", "Push", "decode_latest", "decode_push", "encode_latest", "encode_push", "entry_keys"]

_FEW_FIELDS = 64
_FIRST_S, _LAST_S = -(-MIN_TIME_US // 1_000_000), MAX_TIME_US // 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What 0.5.5 calls an entry: a commit without a number."""

    time_us: int
    values: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Push:
    """A request to `POST entries/`."""

    sent_us: int | None
    """The client's clock when it sent, µs UTC; None where it did not say."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of one field; `value` and `time_us` are None where it has none yet."""

    field_id: str
    value: Value | None
    time_us: int | None
    is_preview: bool = False
    """Whether the device showed it ahead of its history."""


def encode_push(push: Push) -> dict[str, Any]:
    """Return the JSON object of a push; whole seconds become ints, as 0.5.5 sends them."""
    return {
        "clientTimestamp": None if push.sent_us is None else _seconds(push.sent_us),
        "entries": [
            {"timestamp": _seconds(entry.time_us), "values": [{field_id: value} for field_id, value in entry.values]}
            for entry in push.entries
        ],
    }


def _seconds(time_us: int) -> int | float:
    seconds, rest = divmod(time_us, 1_000_000)
    return time_us / 1_000_000 if rest else seconds


def decode_push(data: object, limits: Limits = DEFAULT_LIMITS) -> Push:
    """Check a push that was parsed from JSON.

    Entries without values are passed over: 0.5.5 sends them for an empty commit.

    Raises:
        Malformed: with `place` naming what is wrong, e.g. `entries[3].values[0]`.
        TooLarge: more entries, fields or values than `limits` allow.
    """
    if type(data) is not dict:
        raise Malformed("the body is not a JSON object", hint='Send {"clientTimestamp": s, "entries": [...]}.')
    sent = data.get("clientTimestamp")
    raw = data.get("entries")
    if type(raw) is not list:
        raise Malformed("not a list", place="entries")
    if len(raw) > limits.commits:
        raise TooLarge(f"{len(raw)} entries; the limit is {limits.commits}", limit=limits.commits, place="entries")
    entries = [_entry(item, number) for number, item in enumerate(raw)]
    sent_us = None if sent is None else _time_us(sent, "clientTimestamp")
    if sum([len(entry.values) for entry in entries]) > limits.columns:
        _check_size(entries, limits)
    return Push(sent_us, tuple([entry for entry in entries if entry.values]))


def _check_size(entries: Sequence[Entry], limits: Limits) -> None:
    # What is taken becomes a pack, and a pack over the limits could not be read again.
    most = limits.items // 2
    if sum(len(entry.values) for entry in entries) > most:
        raise TooLarge(f"more than {most} values", limit=most, place="entries")
    columns = {(field_id, type(value)) for entry in entries for field_id, value in entry.values}
    if len(columns) > limits.columns:
        raise TooLarge(f"{len(columns)} fields; the limit is {limits.columns}", limit=limits.columns, place="entries")


def _entry(item: object, number: int) -> Entry:
    if type(item) is not dict:
        raise Malformed("not an object", place=f"entries[{number}]")
    seconds, raw = item.get("timestamp"), item.get("values")
    if type(seconds) is int and _FIRST_S <= seconds <= _LAST_S:
        time_us = seconds * 1_000_000
    else:
        time_us = _time_us(seconds, f"entries[{number}].timestamp")
    if type(raw) is not list:
        raise Malformed("not a list", place=f"entries[{number}].values")
    pairs = _plain_pairs(raw)
    if pairs is not None:
        return Entry(time_us, pairs)
    values: dict[str, Value] = {}
    for pair in raw:
        if type(pair) is not dict:
            raise Malformed("not an object {Field ID: value}", place=_place(number, raw, pair))
        for field_id, value in pair.items():
            if field_id in values:
                raise Malformed(f"the field {field_id!r} a second time", place=_place(number, raw, pair))
            try:
                check_field_id(field_id)
                values[field_id] = check_value(field_id, value)
            except ValueRefused as error:
                raise Malformed(error.message, place=_place(number, raw, pair)) from None
    return Entry(time_us, tuple(values.items()))


def _plain_pairs(raw: list[Any]) -> tuple[tuple[str, Value], ...] | None:
    """Return (Field ID, value) of a list that is plainly right, as most are; None where each has to be looked at."""
    try:
        pairs = tuple(chain.from_iterable(map(dict.items, raw)))
    except TypeError:
        return None
    if len(pairs) > _FEW_FIELDS or not _are_field_ids(tuple([field_id for field_id, _ in pairs])):
        return None
    for _, value in pairs:
        plain = type(value)
        if plain is float:
            if not isfinite(value):
                return None
        elif plain is int:
            if not INT64_MIN <= value <= INT64_MAX:
                return None
        elif plain is not bool:
            return None
    return pairs


@lru_cache(1_024)  # the same few fields come with every entry
def _are_field_ids(names: tuple[str, ...]) -> bool:
    try:
        return len(set(map(check_field_id, names))) == len(names)
    except ValueRefused:
        return False


def _place(number: int, values: list[Any], pair: object) -> str:
    at = next(at for at, other in enumerate(values) if other is pair)
    return f"entries[{number}].values[{at}]"


def _time_us(seconds: object, place: str) -> int:
    if type(seconds) is not int and type(seconds) is not float:
        raise Malformed("not a time in seconds since 1970-01-01 UTC", place=place)
    try:
        return to_time_us(seconds)
    except ValueRefused as error:
        raise Malformed(error.message, place=place) from None


def entry_keys(entries: Iterable[Entry]) -> list[bytes]:
    """Return the key by which each entry of one request is known again, 16 bytes each.

    It covers time, values and how many equal entries came before it in the same request, so that an entry sent again is
    found, and two equal readings of one second are two (`docs/wire.md`, "JSON v1", says what cannot be told apart).
    """
    seen: dict[bytes, int] = {}
    keys = []
    for entry in entries:
        digest = commit_digest(entry.time_us, None, entry.values)
        before = seen.get(digest, 0)
        seen[digest] = before + 1
        keys.append(hashlib.sha256(digest + before.to_bytes(8, "little")).digest()[:DIGEST_BYTES] if before else digest)
    return keys


def encode_latest(values: Sequence[Latest], *, server_time_us: int) -> dict[str, Any]:
    """Return the JSON object that answers `GET values/…`; times in whole seconds, as 0.5.5 expects them."""
    return {
        "data": {
            "servertime": server_time_us // 1_000_000,
            "values": [
                {
                    item.field_id: {
                        "value": item.value,
                        "timestamp": None if item.time_us is None else item.time_us // 1_000_000,
                        **({"preview": True} if item.is_preview else {}),
                    }
                }
                for item in values
            ],
        }
    }


def decode_latest(data: object) -> tuple[int, list[Latest]]:
    """Return the server's time (µs UTC) and the values of such an answer.

    Raises:
        Malformed: it is not one.
    """
    try:
        body = data["data"]  # type: ignore[index]
        server_time_us = _time_us(body["servertime"], "data.servertime")
        found = []
        for number, item in enumerate(body["values"]):
            ((field_id, value),) = item.items()
            time_s = value["timestamp"]
            time_us = None if time_s is None else _time_us(time_s, f"data.values[{number}]")
            newest = None if value["value"] is None else check_value(check_field_id(field_id), value["value"])
            found.append(Latest(field_id, newest, time_us, value.get("preview") is True))
    except Malformed:
        raise
    except ValueRefused as error:
        raise Malformed(error.message, place="data.values") from None
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Malformed("not the answer to a request for values", place="data") from None
    return server_time_us, found
