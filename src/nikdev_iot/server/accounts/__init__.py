"""Use cases of people: accounts, people, sessions, devices, fields and API keys.

Each takes the storage port, a clock (`now_us`, µs UTC) and randomness, returns records, and raises `server.errors`.
All calls block (storage, argon2id): from an event loop, make them in a thread. `Keys.cached` is the one that does not.
"""

from __future__ import annotations

from .accounts import Accounts
from .devices import Devices
from .fields import Fields
from .invitations import Invitations
from .keys import Keys, NewKey
from .passwords import Passwords
from .people import People
from .registering import Registering
from .sessions import Sessions, SignedIn
from .set_up import SetUp
from .settings import Registration, Settings
from .throttle import Throttle
from .twofactor import TwoFactor

__all__ = [
    "Accounts",
    "Devices",
    "Fields",
    "Invitations",
    "Keys",
    "NewKey",
    "Passwords",
    "People",
    "Registering",
    "Registration",
    "Sessions",
    "SetUp",
    "Settings",
    "SignedIn",
    "Throttle",
    "TwoFactor",
]
