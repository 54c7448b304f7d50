from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nikdev_iot.journal import migrations
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.commits import Gap

OLD = sorted((Path(__file__).parent / "old").glob("v*.sql"), key=lambda path: int(path.stem[1:]))


def schema(path):
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1, 2")
    result = [(kind, name, "".join(sql.split())) for kind, name, sql in found]
    connection.close()
    return result


def test_there_is_a_file_of_each_version():
    assert [path.stem for path in OLD] == [f"v{number}" for number in range(1, migrations.VERSION + 1)]


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.stem)
def test_a_file_of_an_old_version_goes_on_as_if_nothing_had_been(old, path, clock):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(old.read_text())
    connection.close()
    with Journal.open(path, clock=clock, device_id="6F1D3C52-0000-4000-8000-000000000001") as journal:
        assert journal.check() == []
        assert journal._database._connection.execute("PRAGMA user_version").fetchone() == (migrations.VERSION,)
        status = journal.status()
        assert (status.origin.int, status.unpushed, status.rejected, status.acknowledged_last) == (7, 6, 2, 4)
        assert (status.staged, status.in_flight) == (2, 2)
        assert journal.epoch == b"e" * 16
        assert journal.peek_staged() == {"s": 1.5, "u": "text"}
        assert journal.import_seen("k").count == 2
        entry = journal.show(6)
        assert (entry.message, entry.values) == ("m6", {"f": 2.0, "n": 6, "b": True, "t": "üüüüüü"})
        assert (journal.show(9).time_us, journal.show(9).values) == (-5, {"n": 2**63 - 1})
        assert [(c.number, c.reason, c.declared) for c in journal.rejected()] == [
            (2, "too hot", True),
            (7, "too cold", False),
        ]
        first, second = journal.in_flight()
        assert (first.first, first.last, second.last, first.parent) == (5, 6, 5, b"a" * 32)
        assert list(journal.pack_in_flight(first).numbers()) == [5, 6]
        assert journal.settle(b"b" * 32) == 2
        pack = journal.next_pack(max_commits=99, max_bytes=1 << 20)
        assert (pack.first, pack.parent, pack.gaps) == (7, b"b" * 32, (Gap(7, 1, "too cold"),))
        assert journal.commit({"n": 1}).number == 12
    Journal.open(path.with_name("new.db")).close()
    assert schema(path) == schema(path.with_name("new.db"))


def test_a_step_that_fails_changes_nothing(path, monkeypatch):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
    broken = ("CREATE TABLE half (x)", "CREATE TABLE half (x)")
    monkeypatch.setattr(migrations, "_STEPS", (*migrations._STEPS, broken))
    monkeypatch.setattr(migrations, "VERSION", migrations.VERSION + 1)
    with pytest.raises(Exception, match="already exists"):
        Journal.open(path)
    monkeypatch.undo()
    with Journal.open(path) as journal:
        assert journal.check() == []
        assert journal.commit({"a": 2}).number == 2
    assert "half" not in [name for _, name, _ in schema(path)]


def test_the_next_step_is_taken_from_where_the_file_is(path, monkeypatch):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
    monkeypatch.setattr(migrations, "_STEPS", (*migrations._STEPS, ("CREATE TABLE more (x)",)))
    monkeypatch.setattr(migrations, "VERSION", migrations.VERSION + 1)
    for _ in range(2):
        with Journal.open(path) as journal:
            assert journal.show(1).values == {"a": 1}
            assert journal._database._connection.execute("PRAGMA user_version").fetchone() == (migrations.VERSION,)
    assert "more" in [name for _, name, _ in schema(path)]


def test_a_file_that_another_process_is_making_is_seen_as_it_was_or_as_it_is(path):
    path.parent.mkdir()
    reader = sqlite3.connect(path, isolation_level=None)
    maker = sqlite3.connect(path, isolation_level=None)
    maker.execute("PRAGMA journal_mode = WAL").fetchone()

    def make_meanwhile(statement):
        if "sqlite_master" in statement:
            migrations.migrate(maker, path=str(path))

    reader.set_trace_callback(make_meanwhile)
    assert migrations.version_of(reader, path=str(path)) == 0
    reader.set_trace_callback(None)
    assert migrations.version_of(reader, path=str(path)) == migrations.VERSION
    reader.close()
    maker.close()
