"""API keys: made here, shown once, and checked on every request."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from nikdev_iot.server.errors import Invalid, KeyExpired, KeyRevoked, NotFound, Unauthorized
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Access, ApiKey

from .room import check_room
from .texts import check_text

__all__ = ["KEEP", "Keep", "Keys", "NewKey", "hash_secret", "parse_uuid", "unknown_credentials"]

_CACHE_S = 1.0
_MAX_CACHED = 10_000
_UUID_CHARS = 36
_MOST_ENDED = 100
"""Keys of a device that are kept, to be looked at, though they open nothing any more; the oldest go."""
_NEVER_US: Final = 1 << 63
_T = TypeVar("_T")


class Keep:
    """The type of `KEEP`."""


KEEP: Final = Keep()
"""Says "leave it as it is" where None has a meaning of its own."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key just made; its secret is known to nobody else, ever again."""

    key: ApiKey
    secret: str


def parse_uuid(text: object) -> uuid.UUID | None:
    """Return the UUID written as 8-4-4-4-12 hexadecimal digits in any case; None for anything else."""
    if not isinstance(text, str) or len(text) != _UUID_CHARS:
        return None
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None  # uuid.UUID also takes other ways to write one


def hash_secret(secret: uuid.UUID) -> bytes:
    """Return what the store keeps of a secret: the SHA-256 of its 36 characters in lower case."""
    return hashlib.sha256(str(secret).encode()).digest()


class Keys:
    """Makes, changes and checks API keys.

    What a check finds is remembered for a second, so that a revocation is in force after at most one; wrong keys are
    remembered apart from right ones, so that no number of them pushes those out. Safe to use from several threads.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        now_us: Callable[[], int],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        new_secret: Callable[[], uuid.UUID] = uuid.uuid4,
        monotonic_s: Callable[[], float] = time.monotonic,
        cache_s: float = _CACHE_S,
        max_cached: int = _MAX_CACHED,
        most: int | None = None,
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._new_id = new_id
        self._new_secret = new_secret
        self._monotonic_s = monotonic_s
        self._cache_s = cache_s
        self._max_cached = max_cached
        self._most = most
        self._lock = threading.Lock()
        self._right: dict[tuple[str, bytes], tuple[float, Access]] = {}
        self._wrong: dict[tuple[str, bytes], float] = {}
        self._used: dict[uuid.UUID, int] = {}

    # -- management ---------------------------------------------------------------------------------

    def add(
        self,
        device_id: uuid.UUID,
        *,
        name: object = "",
        can_read: bool = False,
        can_write: bool = False,
        expires_us: int | None = None,
    ) -> NewKey:
        """Make a key.

        Raises:
            NotFound: no such device.
            Invalid: neither access, an expiry in the past, a name that cannot be, or too many keys that open something.
        """
        if not (can_read or can_write):
            raise Invalid("A key without read and without write access would open nothing.")
        now_us = self._now_us()
        _check_expiry(expires_us, now_us)
        secret = self._new_secret()
        key = ApiKey(
            id=self._new_id(),
            device_id=device_id,
            name=check_text(name, what="The key's name", empty=True),
            secret_hash=hash_secret(secret),
            can_read=can_read,
            can_write=can_write,
            created_us=now_us,
            expires_us=expires_us,
        )
        with self._storage.write() as write:
            if self._storage.device(device_id) is None:
                raise NotFound(f"There is no device {device_id}.")
            there = self._storage.keys(device_id)
            ended = sorted((one for one in there if _ended_us(one) <= now_us), key=_ended_us)
            alive = len(there) - len(ended)
            check_room(alive, self._most, of="API keys", have="This device", instead="Revoke one that nobody uses")
            write.drop_keys(one.id for one in ended[:-_MOST_ENDED])
            write.add_key(key)
        return NewKey(key, str(secret))

    def all(self, device_id: uuid.UUID) -> list[ApiKey]:
        """Return the device's keys, the oldest first, and of those that are revoked or expired the latest hundred."""
        return [self._with_last_use(key) for key in self._storage.keys(device_id)]

    def get(self, key_id: uuid.UUID, *, device_id: uuid.UUID | None = None) -> ApiKey:
        """Return a key, of this device if one is given; raises `NotFound`."""
        key = self._storage.key(key_id)
        if key is None or (device_id is not None and key.device_id != device_id):
            raise NotFound(f"There is no API key {key_id}.")
        return key

    def update(
        self,
        key_id: uuid.UUID,
        *,
        device_id: uuid.UUID | None = None,
        name: object = None,
        can_read: bool | None = None,
        can_write: bool | None = None,
        expires_us: int | Keep | None = KEEP,
    ) -> ApiKey:
        """Change what is given (`expires_us=None`: it never expires); return the key.

        Taking both accesses away is allowed: the key is known and opens nothing until it is given one back.

        Raises:
            NotFound: no such key, or of another device.
            Invalid: it is revoked, the expiry is in the past, or the name cannot be.
        """
        new_name = None if name is None else check_text(name, what="The key's name", empty=True)
        if not isinstance(expires_us, Keep):
            _check_expiry(expires_us, self._now_us())
        with self._storage.write() as write:
            key = self.get(key_id, device_id=device_id)
            if key.revoked_us is not None:
                raise Invalid(f"The API key {key_id} is revoked, and stays so.", hint="Make a new one.")
            key = replace(
                key,
                name=key.name if new_name is None else new_name,
                can_read=key.can_read if can_read is None else can_read,
                can_write=key.can_write if can_write is None else can_write,
                expires_us=key.expires_us if isinstance(expires_us, Keep) else expires_us,
            )
            write.update_key(key)
        self.forget_checks()
        return key

    def revoke(self, key_id: uuid.UUID, *, device_id: uuid.UUID | None = None) -> ApiKey:
        """Revoke a key for ever; return it. Idempotent. Raises `NotFound`."""
        with self._storage.write() as write:
            key = self.get(key_id, device_id=device_id)
            if key.revoked_us is None:
                key = replace(key, revoked_us=self._now_us())
                write.update_key(key)
        self.forget_checks()
        return key

    # -- checking -------------------------------------------------------------------------------------

    def check(self, device_id: str | None, api_key: str | None) -> Access:
        """Return what the values of the two headers allow, and note the key as used. May read the store.

        Raises:
            Unauthorized: unknown device or key, or an expired or revoked one.
        """
        found = self.cached(device_id, api_key)
        if found is not None:
            return found
        device, secret = parse_uuid(device_id), parse_uuid(api_key)
        if device is None or secret is None:
            raise unknown_credentials()
        secret_hash = hash_secret(secret)
        place = (str(device), secret_hash)
        until_s = self._monotonic_s() + self._cache_s  # from before the look-up: the store may have changed during it
        access = self._storage.access(device, secret_hash)
        if access is None or not hmac.compare_digest(access.key.secret_hash, secret_hash):
            with self._lock:
                _put(self._wrong, place, until_s, self._max_cached)
            raise unknown_credentials()
        with self._lock:
            _put(self._right, place, (until_s, access), self._max_cached)
        return self._admit(access)

    def cached(self, device_id: str | None, api_key: str | None) -> Access | None:
        """Do as `check` from memory alone; None where only the store can tell. Never blocks.

        Raises:
            Unauthorized: as `check`, also where a header is missing or no UUID.
        """
        if not device_id or not api_key:
            name = "x-api-key" if device_id else "x-device-id"
            raise Unauthorized(f"The header {name} is missing.", hint="Send the Device ID and one of its API keys.")
        # str.lower() is cheaper than parsing, and anything that is no UUID is in neither table.
        place = (device_id.lower(), hashlib.sha256(api_key.lower().encode(errors="replace")).digest())
        now_s = self._monotonic_s()
        right = self._right.get(place)
        if right is not None and right[0] > now_s:
            return self._admit(right[1])
        if self._wrong.get(place, 0.0) > now_s or parse_uuid(device_id) is None or parse_uuid(api_key) is None:
            raise unknown_credentials()
        return None

    def _admit(self, access: Access) -> Access:
        key = access.key
        now_us = self._now_us()
        if key.revoked_us is not None:
            raise KeyRevoked("This API key has been revoked.", hint="Use another key of the device.")
        if key.expires_us is not None and key.expires_us <= now_us:
            raise KeyExpired("This API key has expired.", hint="Use another key of the device, or change its expiry.")
        with self._lock:
            self._used[key.id] = now_us
        return access

    def forget_checks(self) -> None:
        """Ask the store again about every key: something was taken away."""
        with self._lock:
            self._right.clear()

    def _with_last_use(self, key: ApiKey) -> ApiKey:
        """Return the key with what is not written down yet."""
        used_us = self._used.get(key.id)
        if used_us is None or used_us <= (key.last_used_us or 0):
            return key
        return replace(key, last_used_us=used_us)

    # -- last use ---------------------------------------------------------------------------------------

    def take_used(self) -> list[tuple[uuid.UUID, int]]:
        """Return (key, last use) of the keys used since the last call, for `touch_keys` of a transaction at hand."""
        with self._lock:
            used, self._used = self._used, {}
        return list(used.items())


def unknown_credentials() -> Unauthorized:
    """Return the error of a Device ID and an API key that do not belong together."""
    # Not which of the two it was: a Device ID is no secret, but whether there is one is nobody's business.
    return Unauthorized(
        "There is no such device with this API key.",
        hint="Check the Device ID (x-device-id) and the API key (x-api-key), and that they belong together.",
    )


def _ended_us(key: ApiKey) -> int:
    """Return when it stopped opening anything, or will; `_NEVER_US` for never."""
    times_us = [time_us for time_us in (key.revoked_us, key.expires_us) if time_us is not None]
    return min(times_us, default=_NEVER_US)


def _check_expiry(expires_us: int | None, now_us: int) -> None:
    if expires_us is not None and expires_us <= now_us:
        raise Invalid("The key would expire in the past.", hint="Nothing was changed.")


def _put(table: dict[tuple[str, bytes], _T], place: tuple[str, bytes], value: _T, limit: int) -> None:
    table.pop(place, None)
    if len(table) >= limit:
        del table[next(iter(table))]  # the oldest
    table[place] = value
