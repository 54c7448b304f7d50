from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.accounts.clock import Clock

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts import Fields
from nikdev_iot.server.accounts.fields import colors_of, moved, own_color, palette_places
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.records import Device, Field, NewField
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def fields(storage: SqliteStorage, clock: Clock) -> Fields:
    return Fields(storage, now_us=clock.now_us)


def test_a_field_made_by_a_push_gets_unit_and_label(fields: Fields, device: Device, storage: SqliteStorage) -> None:
    with storage.write() as write:
        write.add_fields([NewField(device_id=device.id, field_id="t", kind=Kind.FLOAT)], at_us=5)
    changed = fields.update(device.id, "t", unit=" °C ")
    assert (changed.unit, changed.label, changed.kinds, changed.created_us) == ("°C", "", {Kind.FLOAT}, 5)
    changed = fields.update(device.id, "t", label="Air temperature")
    assert (changed.unit, changed.label) == ("°C", "Air temperature")
    assert fields.update(device.id, "t", unit="").unit == ""
    assert fields.get(device.id, "t") == fields.all(device.id)[0]


def test_a_field_made_by_hand(fields: Fields, device: Device, clock: Clock) -> None:
    made = fields.add(device.id, "humidity", unit="%")
    assert (made.kinds, made.created_us, made.unit, made.label) == (frozenset(), clock.us, "%", "")
    assert fields.all(device.id) == [made]
    with pytest.raises(Conflict):
        fields.add(device.id, "humidity", unit="g/kg")
    assert fields.all(device.id) == [made]


def test_how_a_field_is_shown(fields: Fields, device: Device) -> None:
    made = fields.add(device.id, "t")
    changed = fields.update(device.id, "t", color="#0072B2", decimals=2, hidden=True)
    assert changed == replace(made, color="#0072b2", decimals=2, hidden=True)
    assert fields.update(device.id, "t", unit="°C") == replace(changed, unit="°C")
    assert fields.update(device.id, "t", decimals=None, hidden=False, color="") == replace(made, unit="°C")
    for decimals in (-1, 11):
        with pytest.raises(Invalid, match="0 to 10 decimals"):
            fields.update(device.id, "t", decimals=decimals)
    with pytest.raises(Invalid, match="no colour"):
        fields.update(device.id, "t", color="red", hidden=True)
    assert fields.get(device.id, "t") == replace(made, unit="°C")


def test_fields_are_moved(fields: Fields, device: Device, clock: Clock) -> None:
    for name in "abc":
        fields.add(device.id, name)
        clock.us += 1
    colors = colors_of(fields.all(device.id))
    assert [field.field_id for field in fields.move(device.id, "c", before="a")] == ["c", "a", "b"]
    assert [field.field_id for field in fields.all(device.id)] == ["c", "a", "b"]
    fields.add(device.id, "d")
    assert [field.field_id for field in fields.all(device.id)] == ["c", "a", "b", "d"]
    assert [field.field_id for field in fields.move(device.id, "c", before=None)] == ["a", "b", "d", "c"]
    assert [field.position for field in fields.all(device.id)] == [0, 1, 2, 3]
    assert {name: colors_of(fields.all(device.id))[name] for name in "abc"} == colors
    for name, before in (("x", None), ("a", "x")):
        with pytest.raises(NotFound):
            fields.move(device.id, name, before=before)


@given(st.permutations("abcdef"), st.sampled_from("abcdef"), st.sampled_from([*"abcdef", None]))
def test_moving_keeps_all_and_the_order_of_the_others(ids: list[str], one: str, before: str | None) -> None:
    found = moved(ids, one, before=before)
    assert [name for name in found if name != one] == [name for name in ids if name != one]
    assert sorted(found) == sorted(ids)
    if before is None:
        assert found[-1] == one
    elif before != one:
        assert found.index(one) + 1 == found.index(before)
    else:
        assert found == ids


def test_colours_go_round_by_age_unless_one_was_chosen() -> None:
    made = [
        Field(
            device_id=uuid.uuid4(), field_id=f"{at:02}", kinds=frozenset(), created_us=at, color="#123456" * (at == 3)
        )
        for at in range(10)
    ]
    colors = colors_of(made[::-1])
    assert [colors["00"], colors["03"], colors["07"], colors["08"]] == ["series-1", "#123456", "series-8", "series-1"]
    made[0] = replace(made[0], color="series-5")
    places = palette_places(made)
    assert [places["00"], places["03"], places["09"]] == [4, 3, 1]
    assert [own_color(field) for field in made[:4]] == ["", "", "", "#123456"]


def test_what_cannot_be(fields: Fields, device: Device) -> None:
    for field_id in ("", "a,b", " a", 7, None):
        with pytest.raises(Invalid):
            fields.add(device.id, field_id)
    with pytest.raises(Invalid, match="The unit"):
        fields.add(device.id, "a", unit="x" * 101)
    with pytest.raises(NotFound):
        fields.add(uuid.uuid4(), "a")
    with pytest.raises(NotFound):
        fields.update(device.id, "a", unit="x")
    with pytest.raises(NotFound):
        fields.get(device.id, "a")
    assert fields.all(device.id) == []
