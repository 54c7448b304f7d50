"""Shelves of 0.5.5, written as it writes them: `shelve.open(PATH)` with `version`, `values` and `entries`."""

from __future__ import annotations

import contextlib
import dbm.dumb
import logging
import pickle
import shelve
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nikdev_iot import Api
from nikdev_iot.client import legacy
from nikdev_iot.client.legacy import find_shelves, read_shelf
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.values import Value

DEVICE = "0a5c7c1e-7b0c-4e4e-9d2c-2f1f3a1d0b11"
T0 = 1_700_000_000
ENTRIES: list[Any] = [
    {"timestamp": T0, "values": [{"a": 21}, {"b": 21.0}]},
    {"timestamp": T0, "values": [{"a": 22}, {"on": True}, {"note": "å"}]},
    {"timestamp": T0 + 5, "values": []},  # 0.5.5 makes them, of empty commits
    {"timestamp": T0 + 9, "values": [{"a": 23}]},
]
KEPT: list[tuple[int, dict[str, Value]]] = [
    (T0, {"a": 21, "b": 21.0}),
    (T0, {"a": 22, "on": True, "note": "å"}),
    (T0 + 9, {"a": 23}),
]


def leave(path: Path, *, values: Any = (), entries: Any = (), protocol: int | None = None) -> None:
    """Leave a shelf as 0.5.5 does, with the portable dbm library that every Python has."""
    database: Any = dbm.dumb.open(str(path), "c")  # noqa: SIM115 - the shelf closes it
    with shelve.Shelf(database, protocol=protocol) as shelf:
        shelf["version"] = "1.0.0"
        shelf["values"] = list(values)
        shelf["entries"] = list(entries)


def made(folder: Path, **options: object) -> Api:
    return Api({"deviceId": DEVICE, "storagePath": folder, **options})


def commits(api: Api) -> list[tuple[int, dict[str, Value]]]:
    found = []
    for entry in reversed(api.log(limit=100)):
        shown = api.show(entry.number)
        assert shown is not None
        found.append((shown.time_us // 1_000_000, dict(shown.values or {})))
    return found


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if "iot_storage" in path.name}


@pytest.mark.parametrize("name", ["iot_storage.db", "_iot_storage.db"])
@pytest.mark.parametrize("protocol", [None, 0, 2])
def test_a_shelf_is_taken_over_once(tmp_path: Path, name: str, protocol: int | None) -> None:
    leave(tmp_path / name, values=[{"a": 30}, {"c": "x"}], entries=ENTRIES, protocol=protocol)
    with made(tmp_path) as api:
        assert api.status().unpushed == 3
        assert api.status().staged == 2
        assert commits(api) == KEPT
        assert [type(value) for value in commits(api)[0][1].values()] == [int, float]
        receipt = api.commit()
        assert receipt is not None
        assert commits(api)[3][1] == {"a": 30, "c": "x"}
    assert names(tmp_path) == {f"{name}{end}.taken-over" for end in (".dat", ".dir", ".bak")}
    with made(tmp_path) as api:
        assert api.status().unpushed == 4
        assert api.status().staged == 0


def test_the_working_folder_is_looked_in_where_no_other_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    leave(tmp_path / "iot_storage.db", entries=ENTRIES)
    with Api({"deviceId": DEVICE}) as api:
        assert commits(api) == KEPT
        assert str(tmp_path / "data") in api.status().journal_path


def test_a_shelf_of_another_name(tmp_path: Path) -> None:
    leave(tmp_path / "mine.db", entries=ENTRIES)
    with made(tmp_path, storageName="mine.db") as api:
        assert commits(api) == KEPT


def test_a_shelf_where_the_journal_is_to_be(tmp_path: Path) -> None:
    """The one file of a shelf may have the very name that the configuration gives to the journal."""
    leave(tmp_path / "x.db", entries=ENTRIES)
    leave(tmp_path / "iot_storage.db", entries=ENTRIES[:1])
    with made(tmp_path, storageFilename="iot_storage.db.dat") as api:
        assert commits(api) == KEPT[:1]
    assert (tmp_path / "iot_storage.db.dat").read_bytes().startswith(b"SQLite format 3")
    assert (tmp_path / "iot_storage.db.dat.taken-over").exists()
    with made(tmp_path, storageFilename="iot_storage.db.dat") as api:
        assert commits(api) == KEPT[:1]


def test_an_empty_shelf_is_put_aside(tmp_path: Path) -> None:
    leave(tmp_path / "iot_storage.db")
    with made(tmp_path) as api:
        assert api.status().unpushed == 0
    assert all(name.endswith(".taken-over") for name in names(tmp_path))


def test_a_second_shelf_is_taken_over_too(tmp_path: Path) -> None:
    for number in range(3):
        leave(tmp_path / "iot_storage.db", entries=[{"timestamp": T0 + number, "values": [{"a": number}]}])
        with made(tmp_path) as api:
            assert commits(api) == [(T0 + n, {"a": n}) for n in range(number + 1)]
    assert len(names(tmp_path)) == 9
    assert all(name.endswith(".taken-over") for name in names(tmp_path))


def test_what_cannot_be_kept_is_named_and_stays_in_the_renamed_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [
        {"timestamp": T0, "values": [{"a": float("nan")}, {"b": 1}, {"c": None}, {"d,e": 5}]},
        {"timestamp": "soon", "values": [{"a": 1}]},
        {"timestamp": T0 + 1, "values": [{"a": 2**70}]},
        "nonsense",
        {"timestamp": T0 + 2, "values": "nonsense"},
        {"timestamp": T0 + 3, "values": [7, {"a": 3}]},
    ]
    leave(tmp_path / "iot_storage.db", values=[{"x": None}, {"y": 5}], entries=entries)
    with made(tmp_path) as api:
        assert commits(api) == [(T0, {"b": 1}), (T0 + 3, {"a": 3})]
        assert api.staged() == {"y": 5}
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    message = record.getMessage()
    assert "7 values" in message
    assert "'a'" in message
    assert "nan" in message
    assert ".taken-over" in message
    content = b"".join(path.read_bytes() for path in tmp_path.glob("iot_storage.db*.taken-over"))
    assert b"soon" in content


@pytest.mark.parametrize("stop_at", ["stage", "commit_many", "replace"])
def test_a_take_over_that_is_interrupted_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    leave(tmp_path / "iot_storage.db", values=[{"z": 1}], entries=ENTRIES)

    class PowerCutError(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> None:
        raise PowerCutError

    home: Any = Path if stop_at == "replace" else Journal
    with monkeypatch.context() as patched:
        patched.setattr(home, stop_at, cut)
        with pytest.raises(PowerCutError):
            made(tmp_path).status()
    with made(tmp_path) as api:
        assert commits(api) == KEPT
        assert api.staged() == {"z": 1}
    assert all(name.endswith(".taken-over") for name in names(tmp_path))


def test_an_interruption_with_the_shelf_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path / "iot_storage.db", entries=ENTRIES)

    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "commit_many", fail)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path, storageFilename="iot_storage.db.dat").status()
    assert any(name.endswith(".taking-over") for name in names(tmp_path))
    with made(tmp_path, storageFilename="iot_storage.db.dat") as api:
        assert commits(api) == KEPT


def _other_database(path: Path) -> None:
    with dbm.dumb.open(str(path), "c") as database:
        database[b"something"] = b"else"


def _foreign_library(path: Path) -> None:
    path.write_bytes(b"\xce\x9a\x57\x13" + bytes(100))  # GNU dbm's magic, and no more of it


def _berkeley(path: Path) -> None:
    Path(f"{path}.db").write_bytes(bytes(12) + b"\x61\x15\x06\x00" + bytes(4_080))  # Debian's dbm; no more of it


def _sqlite(path: Path) -> None:
    """As Python 3.13 does, and nothing in it."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")


def _damaged(path: Path) -> None:
    leave(path, entries=ENTRIES)
    with dbm.dumb.open(str(path), "w") as database:
        database[b"entries"] = b"\x80\x04 not a pickle"


def _text(path: Path) -> None:
    path.write_text("a file of somebody else")


@pytest.mark.parametrize(
    ("put", "is_named"),
    [
        (_other_database, False),
        (_foreign_library, True),
        (_berkeley, True),
        (_sqlite, sys.version_info < (3, 13)),
        (_damaged, True),
        (_text, False),
    ],
)
def test_what_is_no_shelf_or_cannot_be_read_stays_untouched(
    tmp_path: Path, put: Callable[[Path], None], is_named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "iot_storage.db")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with made(tmp_path) as api:
        api.add_value("a", 1)
        assert api.commit() is not None
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert ("cannot be read here" in caplog.text) is is_named


def test_a_journal_is_not_taken_for_a_shelf(tmp_path: Path) -> None:
    with made(tmp_path, storageFilename="iot_storage.db") as api:
        api.add_value("a", 1)
        api.commit()
    assert find_shelves(tmp_path, ["iot_storage.db"]) == []
    with made(tmp_path, storageFilename="iot_storage.db") as api:
        assert api.status().unpushed == 1


def test_nothing_of_a_shelf_is_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    with dbm.dumb.open(str(tmp_path / "iot_storage.db"), "c") as database:
        for key, thing in {"version": "1.0.0", "values": [{"x": Evil()}], "entries": [Evil(), *ENTRIES]}.items():
            database[key.encode()] = pickle.dumps(thing)
    ((base, files),) = find_shelves(tmp_path, ["iot_storage.db"])
    shelf = read_shelf(base, files)
    assert shelf is not None
    with made(tmp_path) as api:
        assert commits(api) == KEPT
        assert api.staged() == {}
    assert not marker.exists()


def test_without_queue_on_disk_nothing_is_taken_over(tmp_path: Path) -> None:
    leave(tmp_path / "iot_storage.db", entries=ENTRIES)
    before = names(tmp_path)
    with made(tmp_path, stageUnpushedEntries=False) as api:
        assert api.status().unpushed == 0
    assert names(tmp_path) == before


# -- shelves that somebody made to do harm ---------------------------------------------------------------


def put_raw(path: Path, entries: bytes) -> None:
    with dbm.dumb.open(str(path), "c") as database:
        database[b"version"] = pickle.dumps("1.0.0")
        database[b"values"] = pickle.dumps([])
        database[b"entries"] = entries


def test_a_timestamp_that_would_fill_the_memory_is_named_in_short(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value: object = 1
    for _ in range(60):
        value = (value, value)
    harmful = [{"timestamp": value, "values": []}, {"timestamp": T0, "values": [{"a": value}]}]
    put_raw(tmp_path / "iot_storage.db", pickle.dumps(harmful))
    with made(tmp_path) as api:
        assert api.status().unpushed == 0
    assert "an entry with the timestamp (((" in caplog.text
    assert "The value (((" in caplog.text
    assert len(caplog.text) < 2_000


def _meant_often() -> bytes:
    values = [{"a": 1}] * 10_000
    return pickle.dumps([{"timestamp": T0, "values": values}] * 10_000)


def _long_texts_meant_often() -> bytes:
    values = [{"a": "x" * 1_000_000}] * 10_000
    return pickle.dumps([{"timestamp": T0, "values": values}])


@pytest.mark.parametrize("make", [_meant_often, _long_texts_meant_often])
def test_a_shelf_that_means_more_than_it_holds_stays(
    tmp_path: Path, make: Callable[[], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    put_raw(tmp_path / "iot_storage.db", make())
    before = names(tmp_path)
    with made(tmp_path) as api:
        assert api.status().unpushed == 0
    assert "again and again" in caplog.text
    assert names(tmp_path) == before


def test_a_shelf_that_is_too_large_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path / "iot_storage.db", entries=ENTRIES * 100)
    with monkeypatch.context() as patched, made(tmp_path) as api:
        patched.setattr(legacy, "MAX_VALUE_BYTES", 100)
        assert api.status().unpushed == 0
        assert "a value of" in caplog.text
    with Path(tmp_path / "iot_storage.db.dat").open("r+b") as file:
        file.truncate(legacy.MAX_FILES_BYTES + 1)  # a hole: it takes no room until it is copied
        with made(tmp_path) as api:
            assert api.status().unpushed == 0
        assert "more than" in caplog.text
        file.truncate(1 << 20)
    with made(tmp_path) as api:
        assert api.status().unpushed == 300


def test_an_index_that_no_parser_can_take(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    leave(tmp_path / "iot_storage.db", entries=ENTRIES)
    (tmp_path / "iot_storage.db.dir").write_text("'entries', " + "(" * 10_000 + "\n")
    with made(tmp_path) as api:
        assert api.status().unpushed == 0
    assert "cannot be read here" in caplog.text


def test_only_the_first_that_are_left_are_kept_in_mind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    leave(tmp_path / "iot_storage.db", entries=[{"timestamp": T0, "values": [{f"f{n}": None for n in range(1_000)}]}])
    with made(tmp_path) as api:
        assert api.status().unpushed == 0
    assert "1000 values" in caplog.text
    assert "'f4'" in caplog.text
    assert "'f5'" not in caplog.text
