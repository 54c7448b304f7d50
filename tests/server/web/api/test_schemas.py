from __future__ import annotations

import uuid

import pytest
from pydantic import ValidationError

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.records import ApiKey, Field
from nikdev_iot.server.web.api.schemas import FieldOut, KeyChange, KeyIn, KeyMade, KeyOut

KEY = ApiKey(
    id=uuid.UUID(int=1),
    device_id=uuid.UUID(int=2),
    name="k",
    secret_hash=b"\x01" * 32,
    can_read=True,
    can_write=False,
    created_us=3,
)


def test_a_key_shows_its_secret_only_where_it_was_just_made():
    assert "secret" not in KeyOut.of(KEY).model_dump_json()
    made = KeyMade.with_secret(KEY, "the-secret").model_dump()
    assert made.pop("api_key") == "the-secret"
    assert made == KeyOut.of(KEY).model_dump()
    assert made["key_id"] == str(KEY.id)


def test_kinds_have_names():
    field = Field(device_id=uuid.UUID(int=2), field_id="a", kinds=frozenset({Kind.TEXT, Kind.FLOAT}), created_us=1)
    assert FieldOut.of(field).kinds == ["float", "text"]


@pytest.mark.parametrize(
    "body",
    [{"read": "true"}, {"read": 1}, {"expires_us": "5"}, {"expires_us": True}, {"expires_us": 2**80}, {"more": 1}],
)
def test_what_comes_in_is_taken_as_it_is_or_not_at_all(body):
    with pytest.raises(ValidationError):
        KeyIn(**body)


def test_an_expiry_of_null_is_told_from_none_at_all():
    assert "expires_us" in KeyChange(expires_us=None).model_fields_set
    assert "expires_us" not in KeyChange().model_fields_set
