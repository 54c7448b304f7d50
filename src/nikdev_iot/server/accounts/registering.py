"""Registering: by an invitation, or, where the server is open, without one."""

from __future__ import annotations

from nikdev_iot.server.errors import Conflict, Forbidden
from nikdev_iot.server.storage.people import Person

from .accounts import Accounts
from .invitations import Invitations
from .people import People
from .settings import Registration, Settings
from .throttle import REGISTRATION_RATES, Throttle

__all__ = ["Registering"]


class Registering:
    """Makes people of whoever comes, if the operator or an owner wants that."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        people: People,
        invitations: Invitations,
        settings: Settings,
        throttle: Throttle | None = None,
    ) -> None:
        self._accounts = accounts
        self._people = people
        self._invitations = invitations
        self._settings = settings
        self._throttle = throttle or Throttle(rates=REGISTRATION_RATES)

    def register(self, *, email: object, password: object, peer: str, invitation: str | None = None) -> Person:
        """Make a person who joins an account by an invitation, or makes their own.

        Raises:
            Forbidden: the server is not open or has no account yet, the invitation is for another address, or the
                address cannot be used; that it is taken, is not said.
            NotFound: there is no such invitation, or no longer.
            TooMany: too many from this client.
            Invalid: the e-mail is not an address, or the password too short or long.
        """
        if invitation is None and self._settings.registration is not Registration.OPEN:
            raise Forbidden("This server takes nobody new without an invitation.", hint="Ask for one.")
        if not self._accounts.are_there():  # whoever makes the first one is the operator
            raise Forbidden("The first account is made with the set-up link.", hint="`nikdev serve` prints it.")
        self._throttle.admit("", peer)  # those that succeed count, too
        try:
            if invitation is not None:
                return self._invitations.register(invitation, email=email, password=password)
            self._accounts.add(email, password)
            return self._people.find(email)
        except Conflict:
            raise Forbidden(
                "No account can be made with this address.", hint="If it is yours, sign in, or ask the operator."
            ) from None
