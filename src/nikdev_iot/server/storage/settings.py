"""What the operator has set, and what of the port is about it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["SettingReads", "SettingWrites"]


class SettingReads(Protocol):
    """Part of `port.Storage`."""

    def setting(self, name: str) -> str | None:
        """Return what was set, None where nothing was."""
        ...


class SettingWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def put_setting(self, name: str, value: str | None) -> None:
        """Set it; with None it is as if it had never been set."""
        ...
