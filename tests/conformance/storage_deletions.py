"""The port's contract: deletions of values."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import Storage


def made_deletion(device_id: uuid.UUID, **special: Any) -> Deletion:
    """A deletion, with whatever a test wants to be special."""
    deletion = Deletion(
        id=uuid.uuid4(),
        device_id=device_id,
        fields=("temperature", 'of "two", words'),
        start_us=-(2**60),
        end_us=2**60,
        arrival=7,
        value_count=2**40,
        reason="the sensor was in the sun ☀",
        made_us=5,
        made_by="ada@example.org",
    )
    return replace(deletion, **special)


class DeletionContract:
    def test_deletions_are_listed_the_oldest_first(self, storage: Storage) -> None:
        device = uuid.uuid4()
        late = made_deletion(device, made_us=30, fields=None, commit=(uuid.uuid4(), 2**62))
        twins = sorted((made_deletion(device, made_us=20) for _ in range(3)), key=lambda deletion: deletion.id)
        foreign = made_deletion(uuid.uuid4(), fields=())
        with storage.write() as write:
            for deletion in (late, *twins[::-1], foreign):
                write.add_deletion(deletion)
        assert storage.deletions(device) == [*twins, late]
        assert storage.deletions(foreign.device_id) == [foreign]
        assert storage.deletions(uuid.uuid4()) == []

    def test_a_deletion_is_added_once(self, storage: Storage) -> None:
        deletion = made_deletion(uuid.uuid4())
        with storage.write() as write:
            write.add_deletion(deletion)
        with pytest.raises(Conflict), storage.write() as write:
            write.add_deletion(replace(deletion, reason="again"))
        assert storage.deletions(deletion.device_id) == [deletion]

    def test_a_deletion_is_undone_once_and_stays_on_record(self, storage: Storage) -> None:
        device = uuid.uuid4()
        one, two = made_deletion(device, made_us=1), made_deletion(device, made_us=2)
        with storage.write() as write:
            write.add_deletion(one)
            write.add_deletion(two)
        with storage.write() as write:
            assert write.undo_deletion(device, one.id, at_us=9, by="bob@example.org")
            assert not write.undo_deletion(device, one.id, at_us=99, by="eve@example.org")
            assert not write.undo_deletion(uuid.uuid4(), two.id, at_us=9, by="eve@example.org")
            assert not write.undo_deletion(device, uuid.uuid4(), at_us=9, by="eve@example.org")
        assert storage.deletions(device) == [replace(one, undone_us=9, undone_by="bob@example.org"), two]
        assert [deletion.is_in_force for deletion in storage.deletions(device)] == [False, True]

    def test_a_stamp_changes_with_every_deletion_and_its_undoing(self, storage: Storage) -> None:
        key = new_key()
        with storage.write() as write:
            write.put_packs([made_pack(key, 1)])
        seen = [storage.stamps([key[0]])]
        for made_us in (5, 5, 3):  # a clock may step back
            deletion = made_deletion(key[0], made_us=made_us)
            with storage.write() as write:
                write.add_deletion(deletion)
            seen.append(storage.stamps([key[0]]))
            with storage.write() as write:
                write.undo_deletion(key[0], deletion.id, at_us=1, by="")
            seen.append(storage.stamps([key[0]]))
        assert all(stamps != others for at, stamps in enumerate(seen) for others in seen[:at])
