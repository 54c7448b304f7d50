"""The push path for the OpenAPI document; it is served by a plain ASGI app in front of this one."""

from __future__ import annotations

from typing import Any

from nikdev_iot.wire.headers import JSON_TYPE, PACK_TYPE, SENT_US, WAITING

from .access import Needs, needs
from .routing import PREFIX

__all__ = ["push_paths"]

_ERROR = {"$ref": "#/components/schemas/ErrorOut"}
_HEX_32 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_ANSWER = {
    "type": "object",
    "required": ["stored", "mark", "epoch", "server_time_us"],
    "properties": {
        "stored": {"type": "boolean", "description": "whether this very request stored the pack"},
        "mark": {
            "type": "object",
            "description": "the last number stored of the origin, and the hash of the pack that brought it",
            "required": ["number", "hash"],
            "properties": {"number": {"type": "integer", "minimum": 0}, "hash": _HEX_32},
        },
        "epoch": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "server_time_us": {"type": "integer"},
    },
}
_SHOWN = {
    "type": "object",
    "required": ["shown", "again_after_s", "server_time_us"],
    "properties": {
        "shown": {
            "type": "boolean",
            "description": "whether it is shown; not where it is stored already, or of fields that the device has not",
        },
        "again_after_s": {"type": "number", "description": "send the next one no earlier than this"},
        "server_time_us": {"type": "integer"},
    },
}
_VALUE = {"oneOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}]}
_ENTRIES = {
    "type": "object",
    "required": ["entries"],
    "properties": {
        "clientTimestamp": {"type": ["number", "null"], "description": "the client's clock, seconds UTC"},
        "entries": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["timestamp", "values"],
                "properties": {
                    "timestamp": {"type": "number", "description": "seconds UTC"},
                    "values": {"type": "array", "items": {"type": "object", "additionalProperties": _VALUE}},
                },
            },
        },
    },
}
_STORED = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "stored": {"type": "integer", "description": "entries stored by this request"},
        "duplicates": {"type": "integer", "description": "entries that were known already"},
        "server_time_us": {"type": "integer"},
    },
}
_DIGESTS = {
    "type": "object",
    "required": ["digests", "next", "epoch"],
    "properties": {
        "digests": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9a-f]{32}$"}],
                "minItems": 2,
                "maxItems": 2,
            },
        },
        "next": {"type": ["integer", "null"], "description": "the `after` of the next request; null at the end"},
        "epoch": {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "compare only with a mark of the same epoch",
        },
    },
}
_ORIGIN = {
    "name": "origin",
    "in": "path",
    "required": True,
    "description": "the identity of a journal",
    "schema": {"type": "string", "format": "uuid"},
}


def push_paths() -> dict[str, Any]:
    """Return the paths of the push path."""
    entries = _post(
        "Push entries as JSON, version 1",
        "An entry sent again, alone or with new ones behind it, is stored once (docs/wire.md, JSON v1).",
        {JSON_TYPE: {"schema": _ENTRIES}},
        _json("Stored, or known already.", _STORED),
    )
    pack = _post(
        "Push a pack",
        "Consecutive commits of one origin, as columns (docs/wire.md, Packs). Stored once, however often it is sent.",
        {PACK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        _json("Stored, or stored before.", _ANSWER),
        parameters=[
            {
                "name": SENT_US,
                "in": "header",
                "required": False,
                "description": "the client's clock when it sent, µs UTC",
                "schema": {"type": "integer"},
            },
            {
                "name": WAITING,
                "in": "header",
                "required": False,
                "description": "how many commits are queued on the device behind this pack",
                "schema": {"type": "integer"},
            },
        ],
    )
    pack["responses"]["409"] = _json(
        "Not what comes next: `code` is fork, overlap, gap or epoch; the origin's mark says where to go on.", _ANSWER
    )
    pack["responses"]["422"] = _json(
        "Commits that cannot be stored; the others can.",
        {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "code": {"type": "string"},
                "rejected": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"number": {"type": "integer"}, "reason": {"type": "string"}},
                    },
                },
            },
        },
    )
    live = _post(
        "Show the newest values ahead of a backlog",
        "A pack of a device's newest commits, while older ones are still on their way (docs/wire.md, Ahead of a "
        "backlog). It is shown as latest values until its commits are stored, minutes at most; it is never history.",
        {PACK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        _json("Looked at; nothing was stored.", _SHOWN),
    )
    return {
        f"{PREFIX}/entries": {"post": entries | {"operationId": "push_entries"}},
        f"{PREFIX}/entries/": {"post": entries | {"operationId": "push_entries_slash"}},
        f"{PREFIX}/packs": {"post": pack | {"operationId": "push_pack"}},
        f"{PREFIX}/packs/": {"post": pack | {"operationId": "push_pack_slash"}},
        f"{PREFIX}/live": {"post": live | {"operationId": "push_live"}},
        f"{PREFIX}/live/": {"post": live | {"operationId": "push_live_slash"}},
        f"{PREFIX}/origins/{{origin}}": {
            "get": _operation("An origin's mark", "What the server has of it.", _json("The mark.", _ANSWER))
            | {"parameters": [_ORIGIN], "operationId": "origin_mark"}
        },
        f"{PREFIX}/origins/{{origin}}/digests": {
            "get": _operation(
                "Digests of an origin's commits",
                "Number and digest of each commit, ascending; numbers of a declared gap are absent.",
                _json("Digests.", _DIGESTS),
            )
            | {
                "parameters": [
                    _ORIGIN,
                    _query("after", "Only numbers behind this one.", minimum=0, default=0),
                    _query("limit", "At most so many.", minimum=1, default=10_000),
                ],
                "operationId": "origin_digests",
            }
        },
    }


def _operation(summary: str, description: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["push"],
        "summary": summary,
        "description": description,
        "responses": {"200": answer, "default": _json("What went wrong.", _ERROR)},
        **needs(Needs.WRITE),
    }


def _post(
    summary: str, description: str, content: dict[str, Any], answer: dict[str, Any], **more: Any
) -> dict[str, Any]:
    operation = _operation(summary, description, answer) | more
    operation["requestBody"] = {"required": True, "content": content}
    operation["responses"]["413"] = _json("Over a limit; the message names it.", _ERROR)
    operation["responses"]["429"] = _json("Over a rate; `Retry-After` says how long to wait.", _ERROR)
    return operation


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON_TYPE: {"schema": schema}}}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "integer", **schema},
    }
