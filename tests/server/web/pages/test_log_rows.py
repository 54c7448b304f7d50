from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from nikdev_iot.model.values import Kind
from nikdev_iot.server.query.commits import LogCommit, LogGap, LogPlace, Pushed
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.records import ApiKey, Field
from nikdev_iot.server.web.pages.log_rows import FEW, Names, clock_words, duration_text

DEVICE, ORIGIN, JSON_ORIGIN = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)
KEY = ApiKey(
    id=uuid.UUID(int=9),
    device_id=DEVICE,
    name="garden",
    secret_hash=b"",
    can_read=True,
    can_write=True,
    created_us=0,
)


def field(name, **options):
    return Field(device_id=DEVICE, field_id=name, kinds=frozenset({Kind.FLOAT}), created_us=0, **options)


NAMES = Names(
    DEVICE,
    [field("t", label="Temperature", unit="°C", decimals=1), field("a"), field("first", position=0)],
    [KEY],
    json_origin=JSON_ORIGIN,
)


def commit(*values, arrival=5, number=7, pushed=None, **options):
    return LogCommit(
        place=LogPlace(arrival, number),
        origin=ORIGIN,
        number=number,
        time_us=10,
        recorded_us=10,
        is_uncertain=False,
        message=None,
        values=values,
        deleted=options.pop("deleted", ()),
        pushed=pushed or Pushed(KEY.id, 99, -3_000_000),
    )


def test_values_are_shown_in_the_order_of_the_fields_and_as_they_want_it():
    row = NAMES.row(commit(("new", "x" * 70), ("a", True), ("t", 21.26), ("first", 2**60)))
    assert [(pair.name, pair.text, pair.unit) for pair in row.pairs] == [
        ("first", str(2**60), ""),
        ("Temperature", "21.3", "°C"),
        ("a", "true", ""),
        ("new", "x" * 60 + "…", ""),
    ]
    assert [pair.exact for pair in row.pairs][:3] == [str(2**60), "21.26", "true"]
    assert [pair.kind for pair in row.pairs] == ["int", "float", "bool", "text"]
    assert NAMES.row(commit(("new", "x" * 70)), few=None).pairs[0].text == "x" * 70


def test_a_commit_with_many_values_shows_a_few():
    item = commit(*((f"f{n:02}", n) for n in range(30)), deleted=("t",))
    row = NAMES.row(item)
    assert (len(row.pairs), row.more, row.deleted) == (FEW, 30 - FEW, ["Temperature"])
    assert (len(NAMES.row(item, few=None).pairs), NAMES.row(item, few=None).more) == (30, 0)


def test_lines_of_one_push_follow_one_another():
    first, second, third = commit(number=9), commit(number=8), commit(arrival=4, number=7)
    assert not NAMES.row(first).continues
    assert NAMES.row(second, before=first).continues
    assert not NAMES.row(third, before=second).continues


def test_who_pushed_it_is_named():
    assert NAMES.key(KEY.id) == "the key “garden”"
    assert NAMES.key(None) == "an unknown key"
    assert NAMES.key(uuid.uuid4()) == "an unknown key"
    nameless = Names(DEVICE, [], [replace(KEY, name="")], json_origin=ORIGIN)
    assert nameless.key(KEY.id) == "a key without a name (00000000…)"
    assert NAMES.origin(ORIGIN) == "00000000…"
    assert NAMES.origin(ORIGIN, short=False) == str(ORIGIN)
    assert NAMES.origin(JSON_ORIGIN) == NAMES.origin(JSON_ORIGIN, short=False) == "JSON v1"


def test_a_gap_has_no_values():
    gap = LogGap(place=LogPlace(5, 9), origin=ORIGIN, first=7, last=9, reason="x", pushed=Pushed(None, 5, None))
    row = NAMES.row(gap)
    assert (row.is_gap, row.pairs, row.deleted, row.more, row.clock, row.is_clock_wrong) == (True, [], [], 0, "", False)


@pytest.mark.parametrize(
    ("offset_us", "words"),
    [
        (None, ""),
        (0, "device clock right"),
        (-999_999, "device clock right"),
        (1_000_000, "device clock 1 s ahead"),
        (-3_400_000, "device clock 3 s behind"),
        (-200_000_000, "device clock 3 min behind"),
        (20_000_000_000, "device clock 5 h ahead"),
        (-1_790_000_000_000_000, "device clock 20717 d behind"),
    ],
)
def test_clocks_are_told_in_words(offset_us, words):
    assert clock_words(offset_us) == words
    row = NAMES.row(commit(pushed=Pushed(KEY.id, 99, offset_us)))
    assert row.clock == words
    assert row.is_clock_wrong == (offset_us is not None and abs(offset_us) >= 60_000_000)


def test_short_durations_have_their_fraction():
    assert duration_text(250_000) == "0.25 s"
    assert duration_text(-2_000_000) == "2 s"


def test_fields_of_a_deletion_are_named():
    deletion = Deletion(
        id=ORIGIN,
        device_id=DEVICE,
        fields=None,
        start_us=0,
        end_us=1,
        arrival=1,
        value_count=1,
        reason="",
        made_us=0,
        made_by="",
    )
    assert NAMES.deleted_fields(deletion) == "all fields"
    named = replace(deletion, fields=("t", "gone"))
    assert NAMES.deleted_fields(named) == "Temperature, gone"
    many = replace(deletion, fields=tuple(map(str, range(10))))
    assert NAMES.deleted_fields(many) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
