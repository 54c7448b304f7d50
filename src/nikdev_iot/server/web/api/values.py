"""Latest values, as 0.5.5 expects them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Response

from nikdev_iot.model.values import MAX_FIELD_ID_CHARS
from nikdev_iot.server.errors import NotFound
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.wire.headers import JSON_TYPE
from nikdev_iot.wire.v1 import Latest, encode_latest

from .services import Services

__all__ = ["VALUES_DOC", "answer_values", "check_known"]

_EXAMPLE = {
    "data": {
        "servertime": 1795339800,
        "values": [{"temperature": {"value": 21.5, "timestamp": 1795339790}}],
    }
}
VALUES_DOC: dict[str, Any] = {
    "summary": "Latest values",
    "response_class": Response,
    "responses": {
        200: {
            "description": "One object per field, in the order asked for; times in whole seconds UTC, null and null "
            "where a field has no value yet. `preview` is true where the device showed the value ahead of history that "
            "it is still pushing (`POST live`), and absent otherwise.",
            "content": {JSON_TYPE: {"schema": {"type": "object"}, "example": _EXAMPLE}},
        },
        404: {"description": "A field that the device does not have; the message names the nearest that it has."},
    },
}
_MAX_NAMED = 50
_MAX_NEAREST = 3


def answer_values(services: Services, reader: Reader, device_id: uuid.UUID, field_ids: str | None) -> Response:
    """Answer with the newest values of the fields named, or of all.

    Raises:
        NotFound: a field that the device does not have.
    """
    newest = reader.newest(device_id)
    # Read after the values: a field that has one is among these.
    known = [field.field_id for field in services.fields.all(device_id)]
    wanted = known if field_ids is None else list(dict.fromkeys(field_ids.split(",")))
    check_known(wanted, known)
    found = []
    for field_id in wanted:
        value = newest.get(field_id)
        if value is None:
            found.append(Latest(field_id, None, None))
        else:
            found.append(Latest(field_id, value.value, value.time_us, value.is_preview))
    body = encode_latest(found, server_time_us=services.now_us())
    return Response(msgspec.json.encode(body), media_type=JSON_TYPE)


def check_known(wanted: Sequence[str], known: Sequence[str]) -> None:
    """Raise `NotFound` for Field IDs that the device does not have, naming the nearest of those it has."""
    missing = sorted(set(wanted).difference(known))
    if not missing:
        return
    named = [name[:MAX_FIELD_ID_CHARS] for name in missing[:_MAX_NAMED]]
    if known:
        hint = f"Did you mean {', '.join(_nearest(named, known))}{_and_more(len(known) - _MAX_NEAREST)}?"
    else:
        hint = "It has none yet: its first push makes them."
    shown = ", ".join(name or "(an empty Field ID)" for name in named)
    raise NotFound(f"The device has no field {shown}{_and_more(len(missing) - _MAX_NAMED)}.", hint=hint)


def _and_more(count: int) -> str:
    return f" (and {count} more)" if count > 0 else ""


def _nearest(missing: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the Field IDs that look most like one that is missing, by the pairs of letters that both have."""
    sought = [_pairs(name) for name in missing[:_MAX_NEAREST]]

    def likeness(name: str) -> float:
        pairs = _pairs(name)
        return max(2 * len(pairs & other) / (len(pairs) + len(other)) for other in sought)

    return sorted(known, key=lambda name: (-likeness(name), name))[:_MAX_NEAREST]


def _pairs(name: str) -> set[str]:
    padded = f" {name.casefold()} "
    return {padded[at : at + 2] for at in range(len(padded) - 1)}
