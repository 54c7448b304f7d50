from __future__ import annotations

from dataclasses import fields

from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits


def test_every_limit_lets_something_through():
    assert all(getattr(DEFAULT_LIMITS, field.name) > 0 for field in fields(Limits))


def test_a_body_that_is_not_compressed_fits_as_content():
    assert DEFAULT_LIMITS.body_bytes <= DEFAULT_LIMITS.content_bytes
    assert DEFAULT_LIMITS.items > 8 * DEFAULT_LIMITS.columns
