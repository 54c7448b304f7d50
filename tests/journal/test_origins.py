from __future__ import annotations

from nikdev_iot.journal import origins
from nikdev_iot.wire.pack import NO_PACK


def test_nothing_acknowledged_is_said_as_the_wire_says_it():
    assert origins.NO_PACK == NO_PACK


def test_the_last_origin_made_is_the_current_one(journal):
    journal.commit({"a": 1})
    with journal._database.write("test") as connection:
        assert origins.current(connection).base == 0
        origins.make(connection, uuid=b"u" * 16, base=1, at_us=5)
        found = origins.current(connection)
        assert (found.uuid, found.base, found.acked, found.acked_id) == (b"u" * 16, 1, 0, 1)
        assert origins.last_id(connection) == 1


def test_what_is_kept_is_found_again(journal):
    with journal._database.write("test") as connection:
        assert origins.meta(connection, "k") is None
        origins.set_meta(connection, "k", b"1")
        origins.set_meta(connection, "k", "2")
        assert origins.meta(connection, "k") == "2"
