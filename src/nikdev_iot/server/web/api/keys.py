"""API keys of a device."""

from __future__ import annotations

from nikdev_iot.server.accounts.keys import KEEP

from .access import Needs, Owned, OwnedKey, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import KeyChange, KeyIn, KeyList, KeyMade, KeyOut

__all__ = ["routes"]

routes = router("keys")
_KEYS = f"{PREFIX}/devices/{{device_id}}/keys"


@routes.get(_KEYS, openapi_extra=needs(Needs.SESSION), summary="A device's API keys")
def keys(caller: Owned, services: ServicesOf) -> KeyList:
    """Every key, revoked ones too, without its secret."""
    return KeyList(keys=[KeyOut.of(key) for key in services.keys.all(caller.device.id)])


@routes.post(
    _KEYS,
    status_code=201,
    openapi_extra=needs(Needs.SESSION),
    summary="Make an API key",
    description="The answer holds the secret, `api_key`: this once, it is not kept.",
)
def add(body: KeyIn, caller: Owned, services: ServicesOf) -> KeyMade:
    """A new key."""
    made = services.keys.add(
        caller.device.id, name=body.name, can_read=body.read, can_write=body.write, expires_us=body.expires_us
    )
    return KeyMade.with_secret(made.key, made.secret)


@routes.patch(
    f"{_KEYS}/{{key_id}}",
    openapi_extra=needs(Needs.SESSION),
    summary="Change an API key",
    description="In force within 2 s.",
)
def change(key: OwnedKey, body: KeyChange, caller: Owned, services: ServicesOf) -> KeyOut:
    """Change what is given."""
    changed = services.keys.update(
        key.id,
        device_id=caller.device.id,
        name=body.name,
        can_read=body.read,
        can_write=body.write,
        expires_us=body.expires_us if "expires_us" in body.model_fields_set else KEEP,
    )
    return KeyOut.of(changed)


@routes.delete(
    f"{_KEYS}/{{key_id}}",
    openapi_extra=needs(Needs.SESSION),
    summary="Revoke an API key",
    description="For ever; in force within 2 s. The key stays in the list, as revoked.",
)
def revoke(key: OwnedKey, caller: Owned, services: ServicesOf) -> KeyOut:
    """Revoke the key."""
    return KeyOut.of(services.keys.revoke(key.id, device_id=caller.device.id))
