"""Dashboards as the store keeps them, and what of the port is about them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Dashboard", "DashboardReads", "DashboardWrites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Fields of several devices on one page."""

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    content: str
    """What is on it, as the use case writes it: the store does not look inside."""
    version: int = 1
    """One more with every change of name or content."""
    created_us: int
    changed_us: int
    share_hash: bytes | None = None
    """SHA-256 of the secret in the link that shows it to anyone; None where there is no such link."""
    shared_us: int | None = None
    """When that link was made."""


class DashboardReads(Protocol):
    """Part of `port.Storage`."""

    def dashboards(self, account_id: uuid.UUID) -> list[Dashboard]:
        """Return an account's dashboards, by (created_us, id)."""
        ...

    def dashboard(self, dashboard_id: uuid.UUID) -> Dashboard | None:
        """Return one dashboard, of whatever account."""
        ...

    def dashboard_by_share(self, share_hash: bytes) -> Dashboard | None:
        """Return the dashboard whose link has this secret."""
        ...


class DashboardWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def add_dashboard(self, dashboard: Dashboard) -> None:
        """Keep it; raises `Conflict` where there is one of this id, or one with this link."""
        ...

    def update_dashboard(self, dashboard: Dashboard) -> bool:
        """Change name, content and `changed_us`, and count the version up, if the one stored is `dashboard.version`.

        Return whether it was; where not, nothing was changed.
        """
        ...

    def share_dashboard(self, dashboard_id: uuid.UUID, share_hash: bytes | None, *, at_us: int | None) -> None:
        """Give the dashboard another link, or none; the one before is no longer known. The version stays."""
        ...

    def remove_dashboard(self, dashboard_id: uuid.UUID) -> None:
        """Idempotent."""
        ...
