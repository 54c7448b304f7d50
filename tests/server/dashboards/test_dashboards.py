from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_device

from nikdev_iot.model.values import Kind
from nikdev_iot.server.dashboards.content import ChartTile, Content, Place, Source, TextTile, ValueTile, read_content
from nikdev_iot.server.dashboards.dashboards import Changed, Dashboards, hash_token
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.storage.sqlite import SqliteStorage

ADA, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
TEXT = Content((TextTile(id="t1", place=Place(0, 0, 3, 2), text="Hello"),))


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    yield storage
    storage.close()


@pytest.fixture
def dashboards(storage: SqliteStorage) -> Dashboards:
    clock = iter(range(1_000, 100_000))
    return Dashboards(storage, now_us=lambda: next(clock))


def test_a_dashboard_is_made_found_and_deleted(dashboards: Dashboards) -> None:
    made = dashboards.add(ADA, "  Cellar ")
    assert (made.name, made.version, read_content(made.content)) == ("Cellar", 1, Content())
    assert dashboards.all(ADA) == [made]
    assert dashboards.get(made.id, account_id=ADA) == made
    dashboards.remove(made.id, account_id=ADA)
    assert dashboards.all(ADA) == []
    with pytest.raises(NotFound):
        dashboards.remove(made.id, account_id=ADA)


def test_another_accounts_dashboard_does_not_exist(dashboards: Dashboards) -> None:
    made = dashboards.add(ADA, "Cellar")
    assert dashboards.all(BOB) == []
    for attempt in (
        lambda: dashboards.get(made.id, account_id=BOB),
        lambda: dashboards.change(made.id, account_id=BOB, version=1, name="Mine"),
        lambda: dashboards.remove(made.id, account_id=BOB),
        lambda: dashboards.share(made.id, account_id=BOB),
        lambda: dashboards.withdraw(made.id, account_id=BOB),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert dashboards.all(ADA) == [made]


def test_of_two_editors_the_second_is_told_and_nothing_is_lost(dashboards: Dashboards) -> None:
    made = dashboards.add(ADA, "Cellar")
    theirs = dashboards.change(made.id, account_id=ADA, version=1, content=TEXT)
    assert theirs.version == 2
    assert dashboards.get(made.id, account_id=ADA) == theirs
    with pytest.raises(Changed, match="Theirs is kept and yours is still in this page") as caught:
        dashboards.change(made.id, account_id=ADA, version=1, name="Mine", content=Content())
    assert caught.value.current == theirs == dashboards.get(made.id, account_id=ADA)
    mine = dashboards.change(made.id, account_id=ADA, version=theirs.version, name="Mine")
    assert (mine.version, mine.name, read_content(mine.content)) == (3, "Mine", TEXT)


def test_what_cannot_be_is_refused(dashboards: Dashboards) -> None:
    made = dashboards.add(ADA, "Cellar")
    with pytest.raises(Invalid, match="empty"):
        dashboards.add(ADA, " ")
    with pytest.raises(Invalid, match="empty"):
        dashboards.change(made.id, account_id=ADA, version=1, name="")
    twice = ChartTile(id="t1", place=Place(0, 0, 3, 2), sources=(Source(ADA, "a"), Source(ADA, "a")))
    with pytest.raises(Invalid, match="twice"):
        dashboards.change(made.id, account_id=ADA, version=1, content=Content((twice,)))
    assert dashboards.all(ADA) == [made]


def test_there_are_so_many_at_most(storage: SqliteStorage) -> None:
    dashboards = Dashboards(storage, now_us=lambda: 1, most=2)
    for name in "ab":
        dashboards.add(ADA, name)
    with pytest.raises(Invalid, match="2 dashboards already"):
        dashboards.add(ADA, "c")
    dashboards.add(BOB, "mine")


def test_a_link_opens_one_dashboard_until_it_is_withdrawn(dashboards: Dashboards, storage: SqliteStorage) -> None:
    made, other = dashboards.add(ADA, "Cellar"), dashboards.add(ADA, "Roof")
    first = dashboards.share(made.id, account_id=ADA)
    assert len(first) == 43
    assert dashboards.shared(first).id == made.id
    assert first not in (storage.path.read_bytes() + storage.path.with_name("store.sqlite3-wal").read_bytes()).decode(
        "latin-1"
    )
    second = dashboards.share(made.id, account_id=ADA)  # takes the place of the first
    assert dashboards.shared(second).share_hash == hash_token(second)
    third = dashboards.share(other.id, account_id=ADA)
    for _ in range(2):
        dashboards.withdraw(made.id, account_id=ADA)
    for token in (first, second, "", "x", third[:-1], third + "A", "é" * 43, "A" * 43):
        with pytest.raises(NotFound, match="withdrawn"):
            dashboards.shared(token)
    assert dashboards.shared(third).id == other.id
    dashboards.remove(other.id, account_id=ADA)
    with pytest.raises(NotFound):
        dashboards.shared(third)


def test_sharing_leaves_the_version_alone(dashboards: Dashboards) -> None:
    made = dashboards.add(ADA, "Cellar")
    dashboards.share(made.id, account_id=ADA)
    assert dashboards.change(made.id, account_id=ADA, version=1, name="Roof").version == 2


def test_the_scope_is_what_is_there_and_of_the_account(dashboards: Dashboards, storage: SqliteStorage) -> None:
    mine, gone, foreign = made_device(account_id=ADA), made_device(account_id=ADA), made_device(account_id=BOB)
    with storage.write() as write:
        for device in (mine, foreign):
            write.add_device(device)
            for name in ("a", "b"):
                write.update_field(Field(device_id=device.id, field_id=name, kinds=frozenset({Kind.INT}), created_us=1))
    tiles = [
        ValueTile(id=f"t{n}", place=Place(0, 0, 3, 2), source=Source(device.id, name))
        for n, (device, name) in enumerate([(mine, "a"), (mine, "gone"), (gone, "a"), (foreign, "a")])
    ]
    made = dashboards.add(ADA, "All", tiles=tuple(tiles))
    scope = dashboards.scope(made, read_content(made.content))
    assert set(scope.devices) == {mine.id}
    assert {device: set(fields) for device, fields in scope.fields.items()} == {mine.id: {"a"}}
    assert [scope.holds(tile.source) for tile in tiles] == [True, False, False, False]
    assert not scope.holds(Source(mine.id, "b"))


def test_who_watches_is_told_of_every_change(dashboards: Dashboards) -> None:
    made, other = dashboards.add(ADA, "Cellar"), dashboards.add(ADA, "Roof")
    told: list[str] = []
    with (
        dashboards.watched(made.id, lambda: told.append("made")),
        dashboards.watched(other.id, lambda: told.append("other")),
    ):
        dashboards.share(made.id, account_id=ADA)
        dashboards.change(made.id, account_id=ADA, version=1, name="New")
        dashboards.withdraw(made.id, account_id=ADA)
        dashboards.remove(made.id, account_id=ADA)
        assert told == ["made"] * 4
    dashboards.remove(other.id, account_id=ADA)
    assert told == ["made"] * 4
