from __future__ import annotations

from tests.journal.budgets import bounded, fill, push_all

from nikdev_iot.journal.records import Fate


def test_acknowledged_commits_go_the_oldest_first(path, clock):
    with bounded(path, clock) as journal:
        fill(journal, 100)
        push_all(journal)
        fill(journal, 150)
        (gone,) = journal.gone(1, 250)
        assert (gone.first, gone.fate) == (1, Fate.EVICTED)
        assert 0 < gone.last < 100
        assert journal.gone_number(gone.last) is not None
        assert journal.gone_number(gone.last + 1) is None
        assert journal.status().unpushed == 150
        assert journal.check() == []
