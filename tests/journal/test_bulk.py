from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nikdev_iot.journal.errors import AlreadyImported
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import BulkReceipt
from nikdev_iot.model.errors import ValueRefused

from .processes import kill, start
from .strategies import rows as any_rows
from .test_shapes import same


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(any_rows, max_size=15))
def test_all_rows_are_committed_in_their_order(rows):
    with Journal.open(":memory:") as journal:
        journal.commit({"first": 1})
        receipt = journal.commit_many(rows)
        count = len(rows)
        assert receipt == BulkReceipt(2 if count else 0, count + 1 if count else 0, count, journal.origin)
        for number, (time_us, values, message) in enumerate(rows, 2):
            entry = journal.show(number)
            assert (entry.time_us, entry.message) == (time_us, message)
            assert same(entry.values, values)
        assert journal.check() == []


def test_a_row_that_raises_leaves_nothing(journal):
    def rows():
        for at in range(2500):
            yield at, {"a": at}, None
        raise KeyError("the file ends oddly")

    with pytest.raises(KeyError, match="oddly"):
        journal.commit_many(rows(), import_key="file")
    assert journal.log(limit=1) == []
    assert journal.import_seen("file") is None
    assert journal.commit({"a": 1}).number == 1


def test_a_row_without_values_is_named_and_leaves_nothing(journal):
    with pytest.raises(ValueRefused, match="Row 2 has no values"):
        journal.commit_many([(1, {"a": 1}, None), (2, {}, None)])
    assert journal.log(limit=1) == []


def test_an_import_is_noticed_the_second_time(journal, path):
    receipt = journal.commit_many([(1, {"a": 1}, None)] * 3, import_key="sha256:1")
    with Journal.open(path) as other:
        assert other.import_seen("sha256:1") == receipt
        with pytest.raises(AlreadyImported, match="sha256:1 was imported") as caught:
            other.commit_many(iter(lambda: pytest.fail("not even looked at"), None), import_key="sha256:1")
        assert "--again" in caught.value.hint
        second = other.commit_many([(1, {"a": 1}, None)] * 3, import_key="sha256:1", again=True)
    assert (second.first, second.last) == (4, 6)
    assert journal.import_seen("sha256:1") == second
    assert journal.import_seen("sha256:2") is None


def test_two_imports_of_one_file_at_the_same_time_are_one(journal, path):
    with Journal.open(path) as other:

        def rows():
            yield 1, {"a": 1}, None
            other.commit_many([(1, {"a": 1}, None)], import_key="k")

        with pytest.raises(AlreadyImported):
            journal.commit_many(rows(), import_key="k")
    assert len(journal.log(limit=9)) == 1


def test_others_commit_while_the_rows_are_read(journal, path):
    numbers = []

    def rows():
        for at in range(3000):
            if at % 1000 == 500:
                numbers.append(journal.commit({"mine": at}).number)
                with Journal.open(path, busy_timeout_s=0.2) as other:
                    numbers.append(other.commit({"theirs": at}).number)
            yield at, {"a": at}, None

    receipt = journal.commit_many(rows())
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert (receipt.first, receipt.last) == (7, 3006)


def test_progress_counts_the_rows_read(journal):
    seen = []
    journal.commit_many(((at, {"a": at}, None) for at in range(2500)), progress=seen.append)
    assert seen == [1000, 2000, 2500]


def test_two_threads_may_import_at_once(journal):
    def work(name):
        journal.commit_many((at, {name: at}, None) for at in range(3000))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fields = [next(iter(journal.show(number).values)) for number in range(1, 6001)]
    assert sorted({"".join(fields[:3000]), "".join(fields[3000:])}) == ["a" * 3000, "b" * 3000]


def test_kill_9_leaves_all_or_nothing(path):
    Journal.open(path).close()
    for round_number in range(4):
        process = start(
            """
            journal = Journal.open(path)
            def rows():
                for at in range(20000):
                    if at == 5000: print("reading", flush=True)
                    yield at, {"a": at, "b": 1.5}, None
            journal.commit_many(rows(), import_key=sys.argv[2])
            """,
            path,
            round_number,
        )
        process.stdout.readline()
        threading.Event().wait(0.03 * round_number)
        kill(process)
    with Journal.open(path) as journal:
        assert journal.check() == []
        done = [key for key in "0123" if journal.import_seen(key)]
        assert journal.status().unpushed == 20000 * len(done)
