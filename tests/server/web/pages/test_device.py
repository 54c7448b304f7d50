from __future__ import annotations

import html
import re
import uuid
from dataclasses import replace

import pytest
from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.whole_app import Site

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.ingest.turns import Turns
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages import device as device_page
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, pack_from_commits

MINUTE_US = 60_000_000


@pytest.fixture
def owner(site: Site) -> Somebody:
    return new_person(site, site.new_account(), Role.OWNER)


@pytest.fixture
def device(site: Site, owner: Somebody) -> uuid.UUID:
    return site.new_device(owner.account_id, "Green <house>")


def _open(site: Site, who: Somebody, path: str, **headers: str) -> str:
    answer = site.get(path, {**who.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})
    assert answer.status == 200, answer.body
    return answer.body.decode()


def _tile(text: str, field: str) -> str:
    found = re.search(rf'<li class="tile" data-field="{re.escape(field)}".*?</li>', text, re.DOTALL)
    assert found is not None, f"no tile of {field}"
    return found[0]


def test_the_first_view_has_the_device_id_to_copy(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    text = _open(site, owner, f"/admin/devices/{device}")
    assert f'<code id="device-id">{device}</code>' in text
    assert 'data-copy="#device-id"' in text
    assert "<h1>Green &lt;house&gt;</h1>" in text
    for tab in ("charts", "commits", "fields", "keys", "connect", "settings"):
        assert f'href="/admin/devices/{device}/{tab}"' in text


def test_without_a_value_it_says_how_to_send_one(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    text = _open(site, owner, f"/admin/devices/{device}")
    assert "waiting for the first value…" in text
    assert "from nikdev_iot import Api" in text
    assert "YOUR-API-KEY" in text
    viewer = new_person(site, owner.account_id, Role.VIEWER)
    assert "Make an API key" not in _open(site, viewer, f"/admin/devices/{device}")


def test_tiles_have_value_unit_age_and_extremes_of_the_range(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    now_us = site.clock()
    rows = [(now_us - n * 30 * MINUTE_US, {"t": 20 + n / 4, "on": n % 2 == 0}) for n in reversed(range(40))]
    site.push(site.new_key(device), rows)
    with site.storage.write() as write:
        field = next(field for field in site.storage.fields(device) if field.field_id == "t")
        write.update_field(replace(field, unit="°C", decimals=1, label="Warmth"))
    text = _open(site, owner, f"/admin/devices/{device}")
    tile = _tile(text, "t")
    assert "<h2>Warmth</h2>" in tile
    assert re.search(r'class="figure"[^>]*>20\.0<', tile)
    assert re.search(r'class="low"[^>]*>20\.0</span> – <span class="high"[^>]*>29\.8<', tile)
    assert '<span class="unit">°C</span>' in tile
    assert re.search(r'class="figure"[^>]*>true<', _tile(text, "on"))
    part = _open(site, owner, f"/admin/devices/{device}?range=1h", hx_target="tiles", hx_request="true")
    assert "<html" not in part
    assert re.search(r'class="high"[^>]*>20\.3<', _tile(part, "t"))


def test_tiles_of_much_work_wait_for_their_turn_and_come_to_the_same(
    site: Site, owner: Somebody, device: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.push(site.new_key(device), [(site.clock() - n * MINUTE_US, {"t": n}) for n in reversed(range(40))])
    taken, take = [], Turns.take
    monkeypatch.setattr(Turns, "take", lambda turns, key: taken.append(key) or take(turns, key))

    def tiles(path: str) -> str:
        return _open(site, owner, path, hx_target="tiles", hx_request="true")

    path = f"/admin/devices/{device}?range=1h"
    plain = tiles(path)
    assert not taken
    monkeypatch.setattr(device_page, "_AT_ONCE_ROWS", 0)
    assert tiles(path) == plain
    assert taken == [device]
    assert 'class="high"' in _tile(plain, "t")
    assert 'class="high"' not in _tile(_open(site, owner, path), "t")  # the page itself does not wait
    assert taken == [device]


def test_a_field_that_went_silent_says_so(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    now_us = site.clock()
    site.push(site.new_key(device), [(now_us - 40 * MINUTE_US, {"old": 1}), (now_us, {"new": 1})])
    text = _open(site, owner, f"/admin/devices/{device}")
    assert re.search(
        r'<span class="silence">silent for </span><time [^>]*data-age="for">40 min</time>', _tile(text, "old")
    )
    assert '<span class="silence" hidden>' in _tile(text, "new")


@pytest.mark.parametrize(("oldest_min", "shown"), [(1, "15m"), (30, "1h"), (90, "24h")])
def test_a_young_device_is_shown_close(
    site: Site, owner: Somebody, device: uuid.UUID, oldest_min: int, shown: str
) -> None:
    now_us = site.clock()
    site.push(site.new_key(device), [(now_us - oldest_min * MINUTE_US, {"a": 1}), (now_us, {"a": 2})])
    assert f' range="{shown}"' in _open(site, owner, f"/admin/devices/{device}")
    assert ' range="7d"' in _open(site, owner, f"/admin/devices/{device}?range=7d")


@pytest.mark.parametrize("query", ["range=all", "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", "from=x&to=y"])
def test_any_range_can_be_asked_for(site: Site, owner: Somebody, device: uuid.UUID, query: str) -> None:
    site.push(site.new_key(device), [(site.clock(), {"a": 1})])
    assert "nikdev-chart" in _open(site, owner, f"/admin/devices/{device}?{query}")


def test_hidden_fields_have_no_tile(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    site.push(site.new_key(device), [(site.clock(), {"a": 1})])
    with site.storage.write() as write:
        write.update_field(replace(site.storage.fields(device)[0], hidden=True))
    assert "Every field of this device that has a value is hidden." in _open(site, owner, f"/admin/devices/{device}")


def test_what_is_shown_ahead_of_a_backlog_says_so_and_moves_no_range(
    site: Site, owner: Somebody, device: uuid.UUID
) -> None:
    now_us, key = site.clock(), site.new_key(device)
    month_ago_us = now_us - 30 * 24 * 60 * MINUTE_US
    site.push(key, [(month_ago_us, {"t": 1.5, "old": 3})])
    pack = pack_from_commits(
        uuid.uuid5(uuid.NAMESPACE_OID, str(device)), [Commit(9, now_us, (("t", 21.5),))], parent=NO_PACK
    )
    body = encode_frame(encode_content(pack), epoch=site.storage.epoch)
    answer = site.call("POST", "/api/v1/live", {**key, "content-type": PACK_TYPE}, body)
    assert answer.json["shown"] is True
    text = _open(site, owner, f"/admin/devices/{device}")
    assert re.search(r'class="figure"[^>]*>21\.5<', _tile(text, "t"))
    assert re.search(r'class="ahead" title="[^"]*">ahead of waiting commits<', _tile(text, "t"))
    assert re.search(r'class="ahead" title="[^"]*" hidden>', _tile(text, "old"))
    # The chart ends where history does, and says why.
    assert "still on their way from the device" in text
    assert re.search(r'class="high"[^>]*>1\.5<', _tile(text, "t"))
    for path in ("", "/charts"):
        assert f"&end_us={_end_of_day_with(month_ago_us)}&" in html.unescape(
            _open(site, owner, f"/admin/devices/{device}{path}")
        )
    site.services.waiting.note(device, 12_345)
    assert ">ahead of 12\u202f345 waiting commits<" in _tile(_open(site, owner, f"/admin/devices/{device}"), "t")


def _end_of_day_with(newest_us: int) -> int:
    return (newest_us // 1_000_000 + 1) * 1_000_000 + 24 * 60 * MINUTE_US // 50


def test_without_scripts_all_values_can_be_taken_along(site: Site, owner: Somebody, device: uuid.UUID) -> None:
    now_us = site.clock()
    site.push(
        site.new_key(device), [(now_us - 400 * 24 * 60 * MINUTE_US, {"t": 1.5}), (now_us - MINUTE_US, {"t": 2.5})]
    )
    found = re.search(r'<a href="([^"]+)">All values as CSV', _open(site, owner, f"/admin/devices/{device}"))
    assert found is not None
    lines = _open(site, owner, html.unescape(found[1])).splitlines()
    assert [line.split(",")[1] for line in lines] == ["t", "1.5", "2.5"]
