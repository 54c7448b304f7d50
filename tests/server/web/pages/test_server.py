from __future__ import annotations

import shutil
import uuid

import pytest
from tests.conformance.made import made_pack
from tests.server.web.pages.boards import make_boards
from tests.server.web.pages.forms import Browser, text_of, words_of
from tests.server.web.pages.people import new_person

from nikdev_iot.server.accounts.settings import Registration
from nikdev_iot.server.app import open_storage
from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.server import bytes_text, duration_text, rate_text


@pytest.fixture
def operator(site) -> Browser:
    return Browser(site, new_person(site, site.new_account(), Role.OWNER, is_operator=True))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_234_567, "1.23 MB"),
        (999_700, "1000 kB"),
        (79_312_345_678, "79.3 GB"),
        (5e12, "5 TB"),
        (-2_500, "-2.5 kB"),
    ],
)
def test_sizes_in_words(count, text):
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3_600, "1 h 0 min"), (273_700, "3 d 4 h")],
)
def test_lengths_of_time_in_words(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [
        (0, "0 /s"),
        (0.001, "0.1 /min"),
        (0.5, "30 /min"),
        (1, "1.0 /s"),
        (9.94, "9.9 /s"),
        (9.96, "10 /s"),
        (12_345.6, "12346 /s"),
    ],
)
def test_rates_in_words(per_s, text):
    assert " ".join(rate_text(per_s)) == text


def test_how_the_server_is(site, operator):
    boards = make_boards(site)
    text = text_of(operator.get("/admin/server"))
    for words in ("well", "Running for", "values/s", "Disk left", "Growth", "None took longer than 20 ms."):
        assert words in text
    with site.services.measures.slow.timed("a chart of 365 d", boards.roof):
        import time

        time.sleep(0.03)
    part = operator.get("/admin/server/now")
    assert "a chart of 365 d" in text_of(part)
    assert "Roof" in text_of(part)
    assert b"<html" not in part.body


def test_only_the_operator_sees_it(site):
    boards = make_boards(site)
    for path in ("/admin/server", "/admin/server/now"):
        assert boards.browser.get(path).status == 403
    assert boards.browser.post("/admin/server/backup", {}).status == 403
    assert boards.browser.post("/admin/server/registration", {"registration": "open"}).status == 403


def test_what_comes_in_is_counted(site, operator):
    boards = make_boards(site)
    rates = site.services.measures.rates
    before = sum(one[2] for one in rates._bins)
    boards.push(boards.roof, a=1.5, b=2.5, c=3.5)
    assert sum(one[2] for one in rates._bins) == before + 3


def test_a_store_that_is_not_well_says_why(site, operator, monkeypatch):
    def check() -> None:
        raise StorageUnavailable("The disk of the store is full.", hint="Free some space.")

    monkeypatch.setattr(site.storage, "check", check)
    text = text_of(operator.get("/admin/server"))
    assert "not well" in text
    assert "The disk of the store is full. Free some space." in text


def test_who_may_register_is_set(site, operator):
    assert b'value="invitation" checked' in operator.get("/admin/server").body
    operator.follow(operator.post("/admin/server/registration", {"registration": "closed"}))
    assert site.services.settings.registration is Registration.CLOSED
    assert b'value="closed" checked' in operator.get("/admin/server").body
    wrong = operator.post("/admin/server/registration", {"registration": "ajar"})
    assert (wrong.status, "cannot be 'ajar'" in words_of(wrong)) == (422, True)
    operator.post("/admin/server/registration", {"registration": "invitation"})


def test_a_backup_is_downloaded_and_opens_as_a_store(site, operator, tmp_path):
    key = (make_boards(site).roof, uuid.uuid4())
    with site.storage.write() as write:
        write.put_packs([made_pack(key, number) for number in range(1, 11)])
    answer = operator.post("/admin/server/backup", {})
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["content-disposition"].startswith('attachment; filename="nikdev-2')
    assert answer.headers["cache-control"] == "no-store"
    assert not list(site.folder.glob("backup-*"))
    (tmp_path / "store.sqlite3").write_bytes(answer.body)
    copy = open_storage(tmp_path)
    try:
        assert copy.mark(key) == site.storage.mark(key)
        assert copy.mark(key).number == 10
        assert copy.counts() == site.storage.counts()
        assert copy.epoch != site.storage.epoch
    finally:
        copy.close()


def test_without_room_the_page_says_so(site, operator, monkeypatch):
    real = shutil.disk_usage(site.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=3_000_000))
    answer = operator.post("/admin/server/backup", {})
    assert answer.status == 503
    assert "the disk has 3 MB left. No copy was made; the store is as it was." in words_of(answer)


def test_one_backup_at_a_time(site, operator):
    backups = site.services.measures.backups
    assert backups._lock.acquire(blocking=False)
    try:
        answer = operator.post("/admin/server/backup", {})
    finally:
        backups._lock.release()
    assert (answer.status, "being made already" in words_of(answer)) == (409, True)
