"""Registering without an invitation, where the server is open."""

from __future__ import annotations

from nikdev_iot.server.errors import Conflict, Forbidden
from nikdev_iot.server.storage.records import Account

from .accounts import Accounts
from .settings import Registration, Settings
from .throttle import REGISTRATION_RATES, Throttle

__all__ = ["Registering"]


class Registering:
    """Makes accounts for whoever comes, if the operator wants that."""

    def __init__(self, *, accounts: Accounts, settings: Settings, throttle: Throttle | None = None) -> None:
        self._accounts = accounts
        self._settings = settings
        self._throttle = throttle or Throttle(rates=REGISTRATION_RATES)

    def register(self, *, email: object, password: object, peer: str) -> Account:
        """Make an account.

        Raises:
            Forbidden: the server is not open, or the address cannot be used; that it is taken, is not said.
            TooMany: too many from this client.
            Invalid: the e-mail is not an address, or the password too short or long.
        """
        if self._settings.registration is not Registration.OPEN:
            raise Forbidden("This server takes nobody new without an invitation.", hint="Ask for one.")
        self._throttle.admit("", peer)  # those that succeed count, too
        try:
            return self._accounts.add(email, password)
        except Conflict:
            raise Forbidden(
                "No account can be made with this address.", hint="If it is yours, sign in, or ask the operator."
            ) from None
