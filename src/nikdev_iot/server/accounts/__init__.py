"""Use cases of people: accounts, sessions, devices, fields and API keys.

Each takes the storage port, a clock (`now_us`, µs UTC) and randomness, returns records, and raises `server.errors`.
All calls block (storage, argon2id): from an event loop, make them in a thread. `Keys.cached` is the one that does not.
"""

from __future__ import annotations

from .accounts import Accounts
from .devices import Devices
from .fields import Fields
from .keys import Keys, NewKey
from .passwords import Passwords
from .sessions import Sessions, SignedIn
from .set_up import SetUp
from .throttle import Throttle

__all__ = ["Accounts", "Devices", "Fields", "Keys", "NewKey", "Passwords", "Sessions", "SetUp", "SignedIn", "Throttle"]
