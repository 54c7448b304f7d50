"""The HTTP names that both sides use."""

from __future__ import annotations

__all__ = ["API_KEY", "CSV_TYPE", "DEVICE_ID", "JSON_TYPE", "PACK_TYPE", "PAGE_TYPE", "SENT_US", "WAITING"]

DEVICE_ID = "x-device-id"
API_KEY = "x-api-key"
SENT_US = "x-nikdev-sent-us"
"""The client's clock when it sent a pack, µs UTC; the server records how far it is from its own."""
WAITING = "x-nikdev-waiting"
"""How many commits are queued on the client behind the pack it sends; the server shows it."""

JSON_TYPE = "application/json"
PACK_TYPE = "application/vnd.nikdev.pack"
PAGE_TYPE = "application/vnd.nikdev.page+cbor"
CSV_TYPE = "text/csv; charset=utf-8"
