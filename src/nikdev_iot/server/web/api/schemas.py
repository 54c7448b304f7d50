"""The JSON of accounts, devices, fields and keys, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.storage import records

__all__ = [
    "AccountOut",
    "DeviceChange",
    "DeviceIn",
    "DeviceList",
    "DeviceOut",
    "DeviceSelf",
    "ErrorOut",
    "FieldChange",
    "FieldIn",
    "FieldList",
    "FieldOut",
    "KeyChange",
    "KeyIn",
    "KeyList",
    "KeyMade",
    "KeyOut",
    "KeySelf",
    "LimitsOut",
    "Root",
    "SessionIn",
    "SessionOut",
    "TimeUs",
]

TimeUs = Annotated[int, Field(description="µs since 1970-01-01 UTC", ge=MIN_TIME_US, le=MAX_TIME_US)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorOut(BaseModel):
    """What went wrong, and what to do about it."""

    message: str
    """For a person."""
    code: str
    """For a program."""
    reason: Annotated[
        str | None, Field(description="of a 401, where the key is right: `key-expired` or `key-revoked`")
    ] = None


class Root(BaseModel):
    """Which server this is."""

    name: str
    version: str
    api: int
    server_time_us: TimeUs
    epoch: Annotated[str, Field(description="16 bytes in hexadecimal digits; another one after each restore")]


class KeySelf(BaseModel):
    """The key that a request came with."""

    name: str
    read: bool
    write: bool
    expires_us: TimeUs | None


class LimitsOut(BaseModel):
    """How much the server takes. Null where it sets no bound, or does not tell."""

    body_bytes: Annotated[int, Field(description="of a request's body as it arrives")]
    content_bytes: Annotated[int, Field(description="the same, decompressed")]
    commits: Annotated[int, Field(description="in one pack, or entries in one JSON request")]
    columns: Annotated[int, Field(description="in one pack: one for each field and kind")]
    items: Annotated[int, Field(description="CBOR items in one pack")]
    values: Annotated[int, Field(description="in one pack, of all its columns")]
    requests_per_s: Annotated[float | None, Field(description="of one API key, in the long run")] = None
    burst: Annotated[float | None, Field(description="requests of one API key at once")] = None
    fields_per_device: int | None = None
    remember_entries_days: Annotated[
        float | None, Field(description="how long an entry of JSON v1 that is sent again is known")
    ] = None


class DeviceSelf(BaseModel):
    """What a device learns about itself."""

    device_id: str
    name: str
    accepts_new_fields: Annotated[bool, Field(description="whether a push may bring fields that do not exist yet")]
    field_count: Annotated[int, Field(description="fields that exist, of `limits.fields_per_device`")]
    key: KeySelf
    server_time_us: TimeUs
    epoch: str
    limits: LimitsOut


class SessionIn(_In):
    """Who signs in."""

    email: Annotated[str, Field(max_length=1000)]
    password: Annotated[str, Field(max_length=10_000)]
    code: Annotated[
        str | None, Field(max_length=100, description="of the app or a backup one, where the second factor is on")
    ] = None


class SessionOut(BaseModel):
    """A session; send the token as `Authorization: Bearer TOKEN`."""

    token: str
    expires_us: TimeUs
    account_id: str


class AccountOut(BaseModel):
    """Who is signed in, and to which account."""

    account_id: str
    email: Annotated[str, Field(description="of the person")]
    created_us: TimeUs
    name: Annotated[str, Field(description="of the account")]
    role: Annotated[str, Field(description="of the person in the account: owner, editor or viewer")]


class DeviceIn(_In):
    """A new device."""

    name: str
    accepts_new_fields: bool = True


class DeviceChange(_In):
    """What to change of a device; what is absent stays. `silent_after_s: null`: the server's own guess."""

    name: str | None = None
    accepts_new_fields: bool | None = None
    note: str | None = None
    tags: list[str] | None = None
    silent_after_s: int | None = None


class DeviceOut(BaseModel):
    """A device."""

    device_id: str
    name: str
    created_us: TimeUs
    accepts_new_fields: Annotated[bool, Field(description="whether a push may bring fields that do not exist yet")]
    note: str
    tags: list[str]
    silent_after_s: Annotated[
        int | None,
        Field(description="how long it may be quiet before it counts as silent; null: the server's own guess"),
    ]
    last_push_us: Annotated[
        TimeUs | None, Field(description="when a push of it was stored last, within some seconds; null: never")
    ]

    @classmethod
    def of(cls, device: records.Device) -> DeviceOut:
        """Return a device as JSON."""
        return cls(
            device_id=str(device.id),
            name=device.name,
            created_us=device.created_us,
            accepts_new_fields=device.accepts_new_fields,
            note=device.note,
            tags=list(device.tags),
            silent_after_s=device.silent_after_s,
            last_push_us=device.last_push_us,
        )


class DeviceList(BaseModel):
    """The account's devices, the oldest first."""

    devices: list[DeviceOut]


class FieldIn(_In):
    """A new field, made before its first value."""

    field_id: str
    unit: str = ""
    label: str = ""


class FieldChange(_In):
    """What to change of a field; what is absent stays. `decimals: null`: as many as there are."""

    unit: str | None = None
    label: str | None = None
    color: str | None = None
    decimals: int | None = None
    hidden: bool | None = None
    before: Annotated[
        str | None, Field(description="the Field ID of the one that it is to stand before; null: to the end")
    ] = None


class FieldOut(BaseModel):
    """A field of a device."""

    field_id: str
    kinds: Annotated[list[str], Field(description="the kinds of its values so far: float, int, bool, text")]
    unit: str
    label: str
    created_us: TimeUs
    color: Annotated[
        str,
        Field(description="#rrggbb; series-1 to series-8 for the palette's; empty for one of its own accord"),
    ]
    decimals: Annotated[int | None, Field(description="how many are shown; null: as many as there are")]
    position: Annotated[int | None, Field(description="its place among the fields; those without come last")]
    hidden: Annotated[bool, Field(description="whether pages leave it out")]

    @classmethod
    def of(cls, field: records.Field) -> FieldOut:
        """Return a field as JSON."""
        return cls(
            field_id=field.field_id,
            kinds=[kind.name.lower() for kind in sorted(field.kinds)],
            unit=field.unit,
            label=field.label,
            created_us=field.created_us,
            color=field.color,
            decimals=field.decimals,
            position=field.position,
            hidden=field.hidden,
        )


class FieldList(BaseModel):
    """The device's fields, in their order: by position, then the oldest first."""

    fields: list[FieldOut]


class KeyIn(_In):
    """A new API key: read access, write access or both."""

    name: str = ""
    read: bool = False
    write: bool = False
    expires_us: TimeUs | None = None


class KeyChange(_In):
    """What to change of a key; what is absent stays. `expires_us: null`: it never expires."""

    name: str | None = None
    read: bool | None = None
    write: bool | None = None
    expires_us: TimeUs | None = None


class KeyOut(BaseModel):
    """An API key, without its secret."""

    key_id: str
    name: str
    read: bool
    write: bool
    created_us: TimeUs
    expires_us: TimeUs | None
    revoked_us: TimeUs | None
    last_used_us: TimeUs | None

    @classmethod
    def of(cls, key: records.ApiKey) -> KeyOut:
        """Return a key as JSON."""
        return cls(**_key(key))


class KeyMade(KeyOut):
    """A new API key, with its secret: this once."""

    api_key: str

    @classmethod
    def with_secret(cls, key: records.ApiKey, secret: str) -> KeyMade:
        """Return a key and its secret as JSON."""
        return cls(**_key(key), api_key=secret)


class KeyList(BaseModel):
    """The device's keys, the oldest first, revoked ones too."""

    keys: list[KeyOut]


def _key(key: records.ApiKey) -> dict[str, Any]:
    return {
        "key_id": str(key.id),
        "name": key.name,
        "read": key.can_read,
        "write": key.can_write,
        "created_us": key.created_us,
        "expires_us": key.expires_us,
        "revoked_us": key.revoked_us,
        "last_used_us": key.last_used_us,
    }
