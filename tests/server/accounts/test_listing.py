from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.made import made_device

from nikdev_iot.server.accounts.listing import Order, list_devices, natural
from nikdev_iot.server.accounts.states import StateWord
from nikdev_iot.server.storage.records import Device

NOW_US = 1_795_000_000_000_000
MINUTE_US = 60_000_000

_devices = st.lists(
    st.builds(
        made_device,
        name=st.text("aB1 é", min_size=1, max_size=6),
        tags=st.lists(st.sampled_from(["roof", "cellar", "β"]), unique=True).map(tuple),
        note=st.sampled_from(["", "by the door"]),
        last_push_us=st.one_of(st.none(), st.integers(NOW_US - 100 * MINUTE_US, NOW_US)),
    ),
    max_size=20,
)


def _names(devices: list[Device], **asked: object) -> list[str]:
    return [listed.device.name for listed in list_devices(devices, NOW_US, **asked).found]  # type: ignore[arg-type]


def test_trouble_comes_first_and_names_decide_within() -> None:
    devices = [
        made_device(name="online", last_push_us=NOW_US - MINUTE_US),
        made_device(name="Never"),
        made_device(name="silent 10", last_push_us=NOW_US - 20 * MINUTE_US),
        made_device(name="Silent 9", last_push_us=NOW_US - 90 * MINUTE_US),
    ]
    assert _names(devices) == ["Silent 9", "silent 10", "Never", "online"]
    assert _names(devices, order=Order.NAME) == ["Never", "online", "Silent 9", "silent 10"]
    assert _names(devices, order=Order.SEEN) == ["online", "silent 10", "Silent 9", "Never"]


def test_a_device_that_pushes_every_hour_is_not_silent_in_between() -> None:
    device = made_device(last_push_us=NOW_US - 50 * MINUTE_US)
    assert list_devices([device], NOW_US).counts == {StateWord.SILENT: 1}
    assert list_devices([device], NOW_US, usual_s={device.id: 3600.0}).counts == {StateWord.ONLINE: 1}


@pytest.mark.parametrize("search", ["GREEN", "house  green", "roof", "door", "{id}"])
def test_search_looks_at_name_tags_note_and_device_id(search: str) -> None:
    device = made_device(name="Greenhouse", tags=("Roof",), note="by the door")
    search = search.format(id=str(device.id)[:13])
    assert _names([device, made_device(name="other")], search=search) == ["Greenhouse"]
    assert _names([device], search=f"{search} cellar") == []


def test_a_few_characters_are_not_looked_for_in_device_ids() -> None:
    device = made_device(name="other")
    assert _names([device], search=str(device.id)[:6]) == ["other"]
    assert _names([device], search=str(device.id)[:5]) == []


@given(_devices, st.sampled_from(["", "a", "b1", "roof", "door a"]), st.sets(st.sampled_from(["roof", "β"])))
def test_every_order_has_the_same_devices(devices: list[Device], search: str, tags: set[str]) -> None:
    expected = {
        device.id
        for device in devices
        if tags <= set(device.tags)
        and all(
            any(word in text.casefold() for text in (device.name, *device.tags, device.note)) for word in search.split()
        )
    }
    for order in Order:
        listing = list_devices(devices, NOW_US, search=search, tags=sorted(tags), order=order)
        assert [listed.device.id for listed in listing.found if listed.device.id not in expected] == []
        assert len(listing.found) == len(expected) == sum(listing.counts.values())
        assert listing.total == len(devices)
        used = Counter(tag for device in devices for tag in device.tags)
        assert [used[tag] for tag in listing.tags] == sorted(used.values(), reverse=True)
    words = [listed.state.word for listed in list_devices(devices, NOW_US).found]
    assert words == sorted(words, key=list(StateWord).index)


@given(st.lists(st.text(), max_size=10))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert len(sorted(names, key=natural)) == len(names)


def test_numbers_in_names_count() -> None:
    assert sorted(["Room 10", "room 2", "Room ²", "Room"], key=natural) == ["Room", "room 2", "Room 10", "Room ²"]
