from __future__ import annotations

import pytest

from nikdev_iot.server.accounts import Registration, Settings
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.sqlite import SqliteStorage


def test_registration_is_by_invitation_unless_it_was_set(settings: Settings, storage: SqliteStorage) -> None:
    assert settings.registration is Registration.INVITATION
    for value in Registration:
        assert settings.set_registration(value.value) is value
        assert Settings(storage).registration is value


@pytest.mark.parametrize("value", ["", "Open", "everyone", None, 1])
def test_what_it_cannot_be(settings: Settings, value: object) -> None:
    settings.set_registration("closed")
    with pytest.raises(Invalid, match="open, invitation or closed"):
        settings.set_registration(value)
    assert settings.registration is Registration.CLOSED


def test_what_a_later_version_has_set_lets_nobody_in(settings: Settings, storage: SqliteStorage) -> None:
    with storage.write() as write:
        write.put_setting("registration", "by lot")
    assert settings.registration is Registration.INVITATION
