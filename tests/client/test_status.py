from __future__ import annotations

from nikdev_iot.client.status import Status
from nikdev_iot.journal.journal import Journal


def test_it_is_the_journals_with_what_the_program_has_staged() -> None:
    with Journal.open(":memory:") as journal:
        journal.commit({"a": 1}, time_us=5)
        status = Status.of(journal.status(), staged=3, journal_path="x")
        assert (status.staged, status.unpushed, status.rejected, status.acknowledged_last) == (3, 1, 0, 0)
        assert (status.oldest_unpushed_us, status.origin, status.journal_path) == (5, journal.origin, "x")
