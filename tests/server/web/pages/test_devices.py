from __future__ import annotations

import re
import uuid
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.whole_app import Answer, Site

from nikdev_iot.server.storage.people import Role

MINUTE_US = 60_000_000


@pytest.fixture
def owner(site: Site) -> Somebody:
    return new_person(site, site.new_account(), Role.OWNER)


def _open(site: Site, who: Somebody, path: str = "/admin/devices", **headers: str) -> str:
    answer = site.get(path, {**who.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})
    assert answer.status == 200, answer.body
    return answer.body.decode()


def _add(site: Site, who: Somebody, name: str) -> Answer:
    headers = {**who.headers, "content-type": "application/x-www-form-urlencoded"}
    return site.call("POST", "/admin/devices", headers, urlencode({"csrf": who.csrf, "name": name}).encode())


def _names(text: str) -> list[str]:
    return re.findall(r'class="name" href="[^"]+">([^<]*)<', text)


def _fleet(site: Site, who: Somebody, **pushed_min: int | None) -> dict[str, uuid.UUID]:
    """Make devices that pushed so many minutes ago."""
    made = {name: site.new_device(who.account_id, name) for name in pushed_min}
    with site.storage.write() as write:
        pushed = [(made[name], site.clock() - ago * MINUTE_US) for name, ago in pushed_min.items() if ago is not None]
        write.touch_devices(pushed)
    return made


def test_without_devices_there_is_one_sentence_and_one_button(site: Site, owner: Somebody) -> None:
    text = _open(site, owner)
    assert "A device is anything that sends values" in text
    assert text.count('<form class="form add-form"') == 1
    assert 'type="search"' not in text


def test_a_viewer_is_told_who_can_add_one(site: Site, owner: Somebody) -> None:
    viewer = new_person(site, owner.account_id, Role.VIEWER)
    assert "an editor of this account can add one" in _open(site, viewer)
    site.new_device(owner.account_id, "Attic")
    assert "Add device" not in _open(site, viewer)


def test_a_new_device_leads_to_its_lines(site: Site, owner: Somebody) -> None:
    answer = _add(site, owner, "  Greenhouse ")
    (device,) = site.services.devices.all(owner.account_id)
    assert (answer.status, answer.headers["location"]) == (303, f"/admin/devices/{device.id}/connect")
    assert device.name == "Greenhouse"


@pytest.mark.parametrize(("name", "words"), [(" ", "is empty"), ("é" * 101, "has 101 characters"), ("a\x07", "cannot")])
def test_a_name_that_cannot_be_is_refused_beside_the_field(site: Site, owner: Somebody, name: str, words: str) -> None:
    answer = _add(site, owner, name)
    assert answer.status == 422
    text = answer.body.decode()
    assert words in re.search(r'<p class="wrong"[^>]*>(.*?)</p>', text)[1]  # type: ignore[index]
    assert f'value="{name}"' in text
    assert site.services.devices.all(owner.account_id) == []


def test_trouble_comes_first(site: Site, owner: Somebody) -> None:
    _fleet(site, owner, online=1, never=None, silent=30)
    text = _open(site, owner)
    assert _names(text) == ["silent", "never", "online"]
    assert "3 devices" in text
    assert re.search(r"silent for <time [^>]*>30 min</time>", text)
    assert _names(_open(site, owner, "/admin/devices?order=name")) == ["never", "online", "silent"]
    assert _names(_open(site, owner, "/admin/devices?order=seen")) == ["online", "silent", "never"]
    assert _names(_open(site, owner, "/admin/devices?order=nonsense&page=x")) == ["silent", "never", "online"]
    assert len(_names(_open(site, owner, "/admin/devices?page=" + "9" * 5000))) == 3


def test_a_device_that_pushes_every_hour_is_online_in_between(site: Site, owner: Somebody) -> None:
    device = site.new_device(owner.account_id, "hourly")
    key = site.new_key(device)
    end_us = site.clock.now_us
    try:
        for hour in range(4, 0, -1):
            site.clock.now_us = end_us - (hour * 60 - 20) * MINUTE_US
            site.push(key, [(site.clock(), {"a": hour})])
    finally:
        site.clock.now_us = end_us
    text = _open(site, owner)
    assert 'class="state online"' in text
    assert 'data-silent-after-s="10800"' in text


def test_search_and_tags_narrow_the_list(site: Site, owner: Somebody) -> None:
    made = _fleet(site, owner, Greenhouse=1, Cellar=1)
    with site.storage.write() as write:
        device = site.services.devices.get(made["Cellar"])
        write.update_device(replace(device, tags=("below & damp",)))
    assert _names(_open(site, owner, "/admin/devices?q=GREEN")) == ["Greenhouse"]
    assert _names(_open(site, owner, f"/admin/devices?q={made['Cellar']}")) == ["Cellar"]
    tagged = _open(site, owner, "/admin/devices?tag=below+%26+damp")
    assert _names(tagged) == ["Cellar"]
    assert '<input type="hidden" name="tag" value="below &amp; damp">' in tagged
    nothing = _open(site, owner, "/admin/devices?q=%3Cb%3E")
    assert _names(nothing) == []
    assert "“&lt;b&gt;”" in nothing


def test_values_are_the_newest_with_unit_and_decimals(site: Site, owner: Somebody) -> None:
    device = site.new_device(owner.account_id, "Greenhouse")
    now_us = site.clock()
    key = site.new_key(device)
    site.push(key, [(now_us - n, {"temperature": 21.456 + n, "secret": 1, "door": True, "n": 7}) for n in range(3)])
    with site.storage.write() as write:
        fields = {field.field_id: field for field in site.storage.fields(device)}
        write.update_field(replace(fields["temperature"], unit="°C", decimals=1, label="Warmth", position=0))
        write.update_field(replace(fields["secret"], hidden=True))
    text = _open(site, owner)
    assert re.findall(r"<dt>([^<]*)</dt>", text) == ["Warmth", "door", "n"]
    assert re.findall(r'class="figure"[^>]*>([^<]*)<', text) == ["21.5", "true", "7"]
    assert '<span class="unit">°C</span>' in text
    assert 'title="21.456"' in text
    site.push(key, [(now_us + 1, {"temperature": 25})])
    assert "25.0" in _open(site, owner)


def test_more_rows_come_page_by_page(site: Site, owner: Somebody) -> None:
    _fleet(site, owner, **{f"Device {n}": 1 for n in range(120)})
    text = _open(site, owner)
    names = _names(text)
    assert names == [f"Device {n}" for n in range(50)]
    while found := re.search(r'hx-get="([^"]+)"[^>]*hx-trigger="near"', text):
        text = _open(site, owner, found[1].replace("&amp;", "&"), hx_request="true")
        assert "<html" not in text
        names += _names(text)
    assert names == [f"Device {n}" for n in range(120)]
    assert "<html" in _open(site, owner, "/admin/devices?page=2")
    assert _names(_open(site, owner, "/admin/devices?page=9")) == []


def test_sparks_are_the_last_hours_of_the_values_shown(site: Site, owner: Somebody) -> None:
    device = site.new_device(owner.account_id)
    now_us = site.clock()
    rows = [(now_us - n * 10 * MINUTE_US, {"a": n, "b": "text", "c": n / 2}) for n in range(60)]
    site.push(site.new_key(device), sorted(rows, key=lambda row: row[0]))
    others = new_person(site, site.new_account(), Role.OWNER)
    path = f"/admin/sparks?devices={device},{uuid.uuid4()},x"
    found = site.get(path, owner.headers).json
    assert set(found) == {str(device)}
    assert set(found[str(device)]["fields"]) == {"a", "c"}
    assert found[str(device)]["lost"] == 0
    times, values = found[str(device)]["fields"]["c"]
    assert times == sorted(times)
    assert times[0] >= now_us // 1_000_000 - 6 * 3600 - 600
    assert values[-1] == 0.0
    assert site.get(path, others.headers).json == {}
    assert site.get("/admin/sparks", owner.headers).json == {}


def test_another_accounts_devices_are_not_there(site: Site, owner: Somebody) -> None:
    others = new_person(site, site.new_account(), Role.OWNER)
    device = site.new_device(others.account_id, "Hidden lair")
    site.new_device(owner.account_id, "Mine")
    text = _open(site, owner, "/admin/devices?q=lair")
    assert "Hidden lair" not in _open(site, owner)
    assert str(device) not in text


def test_a_device_that_says_what_still_waits_on_it_is_shown_so(site: Site, owner: Somebody) -> None:
    device_id = site.new_device(owner.account_id, "Attic")
    key = site.new_key(device_id)
    site.push({**key, "x-nikdev-waiting": "12345"}, [(site.clock(), {"n": 1})])
    assert "12\u202f345 commits wait on the device" in _open(site, owner)
    site.push({**key, "x-nikdev-waiting": "1"}, [(site.clock(), {"n": 2})])
    assert "1 commit waits on the device" in _open(site, owner)
    site.push({**key, "x-nikdev-waiting": "0"}, [(site.clock(), {"n": 3})])
    assert "on the device" not in _open(site, owner)
