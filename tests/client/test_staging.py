"""Staged values between programs and objects; what `Api` makes of it is in `test_api.py`."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nikdev_iot.client.config import Config
from nikdev_iot.client.staging import Staging
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import JournalError


def config(folder: Path, **options: object) -> Config:
    return Config.from_dict(
        {"storagePath": folder, "storageFilename": "journal.db", "durability": "normal", **options}, environ={}
    )


def test_values_staged_by_the_shell_go_into_the_first_commit_and_only_there(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.stage({"a": 1, "b": 2})
        staging = Staging(config(tmp_path))
        staging.add("b", 3)
        assert staging.staged() == {"a": 1, "b": 3}
        assert staging.commit(None, None) is not None
        staging.add("c", 4)
        assert staging.commit(None, None) is not None
        assert [dict((journal.show(number) or pytest.fail("gone")).values or {}) for number in (1, 2)] == [
            {"a": 1, "b": 3},
            {"c": 4},
        ]
        assert journal.peek_staged() == {}
        staging.close()


def test_what_one_object_has_taken_another_does_not(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.stage({"a": 1})
    one, two = Staging(config(tmp_path)), Staging(config(tmp_path))
    one._claim()
    assert two.commit(None, None) is None
    one.add("b", 2)
    one.close()
    three = Staging(config(tmp_path))
    receipt = three.commit(None, None)
    assert receipt is not None
    assert three.commits().show(receipt.number).values == {"a": 1, "b": 2}  # type: ignore[union-attr]
    for staging in (two, three):
        staging.close()


def test_a_commit_that_fails_leaves_everything_staged(tmp_path: Path) -> None:
    staging = Staging(config(tmp_path))
    staging.add("a", 1)
    staging.add("b", 2)
    (tmp_path / "journal.db").write_bytes(b"not a journal at all" * 100)
    with pytest.raises(JournalError):
        staging.commit(None, None)
    staging.add("a", 3)
    (tmp_path / "journal.db").unlink()
    assert staging.staged() == {"a": 3, "b": 2}
    assert staging.commit(None, None) is not None
    staging.close()


def test_end_logs_what_close_would_raise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a journal at all" * 100)
    staging = Staging(config(tmp_path))
    staging.add("a", 1)
    staging.end()
    staging.add("b", 2)
    staging.end()
    assert "could not be kept" in caplog.text
    assert "end with this program: a. The journal" in caplog.text
    assert "end with this program: a, b. The journal" in caplog.text
    assert "Nothing was lost" not in caplog.text
    assert str(tmp_path) in caplog.text


def test_no_value_is_lost_or_committed_twice_between_threads(tmp_path: Path) -> None:
    staging = Staging(config(tmp_path))
    stop = threading.Event()

    def committing() -> None:
        while not stop.is_set():
            staging.commit(None, None)

    threads = [threading.Thread(target=committing) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(300):
        staging.add(f"field {number}", number)
    stop.set()
    for thread in threads:
        thread.join(10)
    staging.commit(None, None)
    journal = staging.commits()
    found: list[tuple[str, object]] = []
    for entry in journal.log(limit=1_000):
        shown = journal.show(entry.number)
        assert shown is not None
        found += (shown.values or {}).items()
    assert sorted(found) == sorted((f"field {number}", number) for number in range(300))
    staging.close()


def test_what_is_in_memory_alone_stays_until_the_object_goes(tmp_path: Path) -> None:
    staging = Staging(config(tmp_path, stageUnpushedEntries=False))
    staging.add("a", 1)
    assert staging.commit(None, None) is not None
    staging.close()
    staging.end()
    assert staging.commits().status().unpushed == 1
    staging.finish()
    assert staging.staged() == {}
