from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Keys, NewKey
from nikdev_iot.server.accounts.keys import hash_secret, parse_uuid
from nikdev_iot.server.errors import Invalid, NotFound, Unauthorized
from nikdev_iot.server.storage.records import Device
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def keys(storage: SqliteStorage, clock: Clock) -> Keys:
    return Keys(storage, now_us=clock.now_us, monotonic_s=clock.monotonic_s, max_cached=50)


@pytest.fixture
def made(keys: Keys, device: Device) -> NewKey:
    return keys.add(device.id, name="Pi", can_write=True)


def test_uuids_in_any_case_and_one_form() -> None:
    value = uuid.uuid4()
    assert parse_uuid(str(value)) == parse_uuid(str(value).upper()) == value
    for text in (value.hex, f"{{{value}}}", f"urn:uuid:{value}", f" {value}"[:36], str(value)[:35] + "g", "", None, 7):
        assert parse_uuid(text) is None
    assert parse_uuid("{" + value.hex + "--}") is None
    assert parse_uuid("\N{FULLWIDTH DIGIT ZERO}" * 36) is None


def test_a_key_is_shown_once_and_kept_hashed(made: NewKey, storage: SqliteStorage, device: Device) -> None:
    assert uuid.UUID(made.secret).version == 4
    assert made.secret == made.secret.lower()
    kept = storage.keys(device.id)
    assert kept == [made.key]
    assert kept[0].secret_hash == hash_secret(uuid.UUID(made.secret))
    assert (kept[0].can_read, kept[0].can_write, kept[0].name) == (False, True, "Pi")
    assert made.secret not in storage.path.read_bytes().decode("latin-1")


def test_what_cannot_be_made(keys: Keys, device: Device, clock: Clock) -> None:
    with pytest.raises(Invalid, match="without read and without write"):
        keys.add(device.id)
    with pytest.raises(Invalid, match="in the past"):
        keys.add(device.id, can_read=True, expires_us=clock.us)
    with pytest.raises(Invalid, match="The key's name"):
        keys.add(device.id, can_read=True, name="a\0b")
    with pytest.raises(NotFound):
        keys.add(uuid.uuid4(), can_read=True)
    assert keys.all(device.id) == []


def test_update_changes_what_is_given(keys: Keys, made: NewKey, clock: Clock) -> None:
    assert keys.update(made.key.id) == made.key
    changed = keys.update(made.key.id, can_read=True, name="both", expires_us=clock.us + 5)
    assert (changed.can_read, changed.can_write, changed.name, changed.expires_us) == (True, True, "both", clock.us + 5)
    changed = keys.update(made.key.id, can_read=False, can_write=False, expires_us=None)
    assert (changed.can_read, changed.can_write, changed.expires_us) == (False, False, None)
    assert keys.get(made.key.id) == changed


def test_other_devices_keys_do_not_exist(keys: Keys, made: NewKey, device: Device) -> None:
    other = uuid.uuid4()
    for attempt in (keys.get, keys.update, keys.revoke):
        with pytest.raises(NotFound):
            attempt(made.key.id, device_id=other)
        with pytest.raises(NotFound):
            attempt(uuid.uuid4(), device_id=device.id)
    assert keys.get(made.key.id, device_id=device.id) == made.key


def test_revoked_is_for_ever(keys: Keys, made: NewKey, clock: Clock) -> None:
    revoked = keys.revoke(made.key.id)
    assert revoked.revoked_us == clock.us
    clock.wait(5)
    assert keys.revoke(made.key.id) == revoked
    with pytest.raises(Invalid, match="revoked, and stays so"):
        keys.update(made.key.id, can_read=True)


# -- checking -----------------------------------------------------------------------------------------


def test_the_right_key_in_any_case(keys: Keys, made: NewKey, device: Device) -> None:
    for device_id, secret in [
        (str(device.id), made.secret),
        (str(device.id).upper(), made.secret.upper()),
        (str(device.id), made.secret.upper()),
    ]:
        access = keys.check(device_id, secret)
        assert (access.key.id, access.device) == (made.key.id, device)


def test_wrong_keys(keys: Keys, made: NewKey, device: Device) -> None:
    for device_id, secret in [
        (str(device.id), str(uuid.uuid4())),
        (str(uuid.uuid4()), made.secret),
        (str(device.id), made.secret[:-1]),
        (str(device.id), made.secret + " "),
        (str(device.id), str(made.key.id)),
        (str(device.id), hash_secret(uuid.UUID(made.secret)).hex()),
        (device.id.hex, made.secret),
        (made.secret, str(device.id)),
        ("x" * 100_000, "\ud800"),
        ("é", "\xff"),
    ]:
        for _ in range(2):
            with pytest.raises(Unauthorized, match="no such device with this API key"):
                keys.check(device_id, secret)
            with pytest.raises(Unauthorized):
                keys.cached(device_id, secret)


def test_missing_headers_are_named(keys: Keys, made: NewKey, device: Device) -> None:
    with pytest.raises(Unauthorized, match="x-device-id"):
        keys.check(None, made.secret)
    with pytest.raises(Unauthorized, match="x-api-key"):
        keys.check(str(device.id), "")


def test_expiry_is_to_the_microsecond_also_in_memory(keys: Keys, device: Device, clock: Clock) -> None:
    made = keys.add(device.id, can_read=True, expires_us=clock.us + 10)
    assert keys.check(str(device.id), made.secret)
    clock.us += 9
    assert keys.cached(str(device.id), made.secret)
    clock.us += 1
    with pytest.raises(Unauthorized, match="expired"):
        keys.cached(str(device.id), made.secret)
    clock.wait(2)
    with pytest.raises(Unauthorized, match="expired"):
        keys.check(str(device.id), made.secret)


def test_what_is_changed_here_counts_at_once(keys: Keys, made: NewKey, device: Device) -> None:
    keys.check(str(device.id), made.secret)
    keys.update(made.key.id, can_read=True)
    assert keys.check(str(device.id), made.secret).key.can_read
    keys.revoke(made.key.id)
    with pytest.raises(Unauthorized, match="revoked"):
        keys.check(str(device.id), made.secret)


def test_what_another_process_changes_counts_after_a_second(
    keys: Keys, made: NewKey, device: Device, storage: SqliteStorage, clock: Clock
) -> None:
    keys.check(str(device.id), made.secret)
    Keys(storage, now_us=clock.now_us).revoke(made.key.id)
    clock.wait(0.99)
    assert keys.cached(str(device.id), made.secret)
    clock.wait(0.02)
    assert keys.cached(str(device.id), made.secret) is None
    with pytest.raises(Unauthorized, match="revoked"):
        keys.check(str(device.id), made.secret)


def test_wrong_keys_do_not_push_out_right_ones_and_are_bounded(
    keys: Keys, made: NewKey, device: Device, storage: SqliteStorage
) -> None:
    keys.check(str(device.id), made.secret)
    for _ in range(200):
        with pytest.raises(Unauthorized):
            keys.check(str(device.id), str(uuid.uuid4()))
    assert len(keys._wrong) <= 50
    assert keys.cached(str(device.id), made.secret)
    for _ in range(60):
        keys.check(str(device.id), keys.add(device.id, can_read=True).secret)
    assert len(keys._right) <= 50


# -- last use -------------------------------------------------------------------------------------------


def test_last_use_is_gathered_for_whoever_writes_it_down(
    keys: Keys, made: NewKey, device: Device, storage: SqliteStorage, clock: Clock
) -> None:
    keys.check(str(device.id), made.secret)
    clock.wait(0.5)
    keys.cached(str(device.id), made.secret)
    assert storage.keys(device.id)[0].last_used_us is None
    assert keys.take_used() == [(made.key.id, clock.us)]
    assert keys.take_used() == []


def test_a_refused_key_is_not_used(keys: Keys, made: NewKey, device: Device) -> None:
    keys.revoke(made.key.id)
    with pytest.raises(Unauthorized):
        keys.check(str(device.id), made.secret)
    assert keys.take_used() == []


def test_a_use_is_seen_before_it_is_written_down(
    keys: Keys, made: NewKey, device: Device, clock: Clock, storage: SqliteStorage
) -> None:
    keys.check(str(device.id), made.secret)
    assert storage.keys(device.id)[0].last_used_us is None
    assert [key.last_used_us for key in keys.all(device.id)] == [clock.us]
    with storage.write() as write:
        write.touch_keys(keys.take_used())
    assert [key.last_used_us for key in keys.all(device.id)] == [clock.us]
