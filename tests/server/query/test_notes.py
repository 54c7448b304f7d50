from __future__ import annotations

import uuid

import numpy as np

from nikdev_iot.server.query.notes import NO_NOTES, Message, PackNotes, read_notes

ORIGIN = uuid.UUID(int=7)
TIMES, NUMBERS = np.array([30, 10, 20]), np.array([5, 6, 9])


def test_a_pack_without_messages_and_gaps_has_no_notes():
    assert read_notes(ORIGIN, TIMES, NUMBERS, (), ()) is NO_NOTES
    assert NO_NOTES.size_bytes() == 0


def test_messages_come_with_time_and_number_by_time():
    notes = read_notes(ORIGIN, TIMES, NUMBERS, [(0, "late"), (1, "early")], [(7, 2, "lost")])
    assert notes == PackNotes((Message(10, ORIGIN, 6, "early"), Message(30, ORIGIN, 5, "late")), ((7, 2, "lost"),))
    assert notes.size_bytes() > 400
