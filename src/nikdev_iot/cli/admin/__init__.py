"""`nikdev admin`: accounts, devices and keys of a server's store, beside a running server or without one."""

from __future__ import annotations

from .group import admin

__all__ = ["admin"]
