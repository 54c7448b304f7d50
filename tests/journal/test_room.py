from __future__ import annotations

import pytest
from tests.journal.budgets import LIMIT, TEXT, bounded, fill, push, push_all

from nikdev_iot.journal.budget import StorageLimitReached


def size(path):
    return sum(file.stat().st_size for file in path.parent.iterdir() if file.name in {path.name, f"{path.name}-wal"})


def test_refuse_keeps_all_that_was_committed_and_goes_on_when_it_was_pushed(path, clock):
    with bounded(path, clock) as journal:
        with pytest.raises(StorageLimitReached, match="600000 bytes") as caught:
            fill(journal, 10_000)
        assert "Nothing was committed" in caught.value.hint
        count = journal.newest
        assert count > 100
        assert size(path) <= LIMIT
        for _ in range(5):
            with pytest.raises(StorageLimitReached):
                journal.commit({"n": 1, "t": TEXT})
        assert journal.status().unpushed == count
        assert journal.gone(1, count) == []
        push(journal)
        assert fill(journal, 1)[0].number == count + 1
        push_all(journal)
        assert journal.check() == []
