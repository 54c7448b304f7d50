"""A damaged journal never stops a program: it is set aside, and what can be read of it goes on."""

from __future__ import annotations

import random

import pytest
from tests.client.networks import DEVICE, KEY, closed_port, url_of

from nikdev_iot import Api, JournalError

PAGE = 4_096


def config(tmp_path, **options):
    return {
        "deviceId": DEVICE,
        "apiKey": KEY,
        "storagePath": str(tmp_path),
        "baseUrl": url_of(closed_port()),
        "durability": "normal",
        **options,
    }


def fill(api, first, last):
    for number in range(first, last + 1):
        api.add_value("n", number)
        api.add_value("text", f"reading {number} " * 5)
        api.commit()


def overwrite(path, content):
    with path.open("r+b") as file:
        file.write(content)


def test_what_was_pushed_and_what_was_not_is_on_the_server_once(make_api, tmp_path, caplog):
    with make_api() as api:
        fill(api, 1, 400)
        api.push()
        fill(api, 401, 900)
        path = tmp_path / "device" / api.status().journal_path.rpartition("/")[2]
    data = bytearray(path.read_bytes())
    dice = random.Random(1)
    for page in dice.sample(range(12, len(data) // PAGE), 3):
        data[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    path.write_bytes(data)
    with make_api() as api:
        for _ in range(3):  # what a program does that is started again and again
            try:
                api.push()
            except JournalError:
                pytest.fail("a damaged journal stopped the program")
        fill(api, 901, 902)
        api.push()
        assert api.status().unpushed == 0
        found = list(api.fetch()["n"].values)
    assert len(found) == len(set(found))
    assert set(range(1, 401)) | {901, 902} <= set(found)
    assert len(found) > 700
    assert "has been set aside" in caplog.text
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == bytes(data)
    print(f"{len(found)} of 902 readings are on the server")


@pytest.mark.parametrize("content", [bytes(PAGE), b"\xff" * 200])
def test_a_program_starts_on_a_journal_without_a_head(tmp_path, content, caplog):
    with Api(config(tmp_path)) as api:
        fill(api, 1, 5)
        path = tmp_path / api.status().journal_path.rpartition("/")[2]
    overwrite(path, content)
    with Api(config(tmp_path)) as api:
        fill(api, 6, 6)
        assert api.status().unpushed >= 1
    assert "Nothing in it could be read" in caplog.text
    assert path.with_name(f"{path.name}.damaged-1").exists()


def test_a_journal_that_is_damaged_while_it_is_used_takes_no_staged_value_along(tmp_path, caplog):
    with Api(config(tmp_path)) as api:
        api.add_value("kept", 1)
    with Api(config(tmp_path)) as api:
        fill(api, 1, 300)
        api.add_value("n", 301)
        path = tmp_path / api.status().journal_path.rpartition("/")[2]
        api._store._file.close()
        overwrite(path, bytes(PAGE))
        assert api.commit() is not None
        assert "has been set aside" in caplog.text
        (entry, *_) = api.log(limit=1)
        assert dict(api.show(entry.number).values) == {"n": 301}
        assert api.staged() == {}


def test_a_file_of_somebody_elses_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 100)
    with Api(config(tmp_path, storageFilename="notes.txt", stageUncommittedValues=False)) as api:
        api.add_value("n", 1)
        with pytest.raises(JournalError, match="not a journal"):
            api.commit()
    assert path.read_text().startswith("dear diary")
    assert [found.name for found in tmp_path.iterdir()] == ["notes.txt"]


def test_a_link_to_a_file_of_somebody_elses_is_left_alone(tmp_path):
    other = tmp_path / "letter.txt"
    other.write_text("Dear reader, " * 1_000)
    link = tmp_path / f"nikdev-{DEVICE}.db"
    link.symlink_to(other)
    with Api(config(tmp_path)) as api, pytest.raises(JournalError, match="left as it is"):
        api.commit("a message")
    assert other.read_text() == "Dear reader, " * 1_000
    assert sorted(found.name for found in tmp_path.iterdir()) == ["letter.txt", link.name]


def test_a_journal_that_is_empty_all_of_a_sudden_is_told(make_api, tmp_path, caplog):
    with make_api() as api:
        fill(api, 1, 5)
        api.push()
        fill(api, 6, 8)
        path = tmp_path / "device" / api.status().journal_path.rpartition("/")[2]
    path.write_bytes(b"")
    with make_api() as api:
        (step,) = (step for step in api.test_connection().steps if step.name == "journal")
        assert "is empty (0 bytes" in step.found
    assert path.stat().st_size == 0
    assert "was empty" not in caplog.text
    with make_api() as api:
        fill(api, 9, 9)
        api.push()
        assert list(api.fetch()["n"].values) == [1, 2, 3, 4, 5, 9]
    assert caplog.text.count("was empty") == 1
    assert "commits that were not pushed are lost, unless there is a copy" in caplog.text
    assert path.with_name(f"{path.name}.damaged-1").stat().st_size == 0


def test_an_empty_file_that_nothing_speaks_for_is_a_new_journal(tmp_path, caplog):
    path = tmp_path / f"nikdev-{DEVICE}.db"
    path.touch()
    with Api(config(tmp_path)) as api:
        fill(api, 1, 1)
        assert api.status().unpushed == 1
    assert not caplog.text
    assert {found.name for found in tmp_path.iterdir()} == {path.name, f"{path.name}-reserve"}
