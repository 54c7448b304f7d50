"""What the operator decides about the server."""

from __future__ import annotations

from enum import StrEnum

from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.port import Storage

__all__ = ["Registration", "Settings"]

_REGISTRATION = "registration"


class Registration(StrEnum):
    """Who may make an account on this server."""

    OPEN = "open"
    """Whoever comes to the page."""
    INVITATION = "invitation"
    """Whoever was invited, by an owner to an account or by the operator."""
    CLOSED = "closed"
    """Nobody new; people who are here may still be invited to further accounts."""


class Settings:
    """Reads and changes the settings; each change is in force at once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def registration(self) -> Registration:
        """Who may register; by invitation, unless it was set."""
        try:
            return Registration(self._storage.setting(_REGISTRATION) or "")
        except ValueError:
            return Registration.INVITATION

    def set_registration(self, value: object) -> Registration:
        """Change who may register; raises `Invalid` for anything but `open`, `invitation` and `closed`."""
        try:
            registration = Registration(str(value))
        except ValueError:
            raise Invalid(
                f"Registration cannot be {str(value)[:60]!r}.", hint="It is open, invitation or closed."
            ) from None
        with self._storage.write() as write:
            write.put_setting(_REGISTRATION, registration.value)
        return registration
