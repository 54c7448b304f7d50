from __future__ import annotations

import uuid

from nikdev_iot.journal.records import Problem, SentPack


def test_a_sent_pack_knows_its_last_number():
    sent = SentPack(origin=uuid.UUID(int=1), first=5, count=3, hash=b"", parent=b"", gaps=(), sent_us=0)
    assert sent.last == 7


def test_a_problem_reads_as_a_sentence():
    assert str(Problem("It is broken.")) == "It is broken."
    assert str(Problem("It is broken.", "Mend it.")) == "It is broken. Mend it."
