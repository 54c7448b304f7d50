from __future__ import annotations

import json
import re

import pytest
from tests.server.web.pages.forms import HTMX, new_browser, text_of, words_of

from nikdev_iot.server.accounts.fields import PALETTE
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.device_fields import COLOR_NAMES


@pytest.fixture
def browser(site):
    return new_browser(site)


@pytest.fixture
def device_id(site, browser):
    """A device with the fields a, b and c."""
    device_id = site.new_device(browser.who.account_id, "Roof")
    site.push(site.new_key(device_id), [(1_000_000, {"a": 1, "b": 21.26, "c": "x"}), (2_000_000, {"a": 1.5})])
    return device_id


@pytest.fixture
def path(device_id):
    return f"/admin/devices/{device_id}/fields"


def _order(site, device_id):
    return [field.field_id for field in site.services.fields.all(device_id)]


def _field(site, device_id, field_id="b"):
    return site.services.fields.get(device_id, field_id)


SHOWN = {"label": "Warmth", "unit": "°C", "color": "series-3", "decimals": "1", "hidden": "on"}


def test_each_field_with_its_kinds_and_last_value(browser, path):
    text = text_of(browser.get(path))
    assert "Roof" in text
    assert re.search(r"a int, float|a float, int", text)
    assert "21.26" in text
    assert re.search(r"c text", text)
    assert "Make a field by hand" in text


@pytest.fixture
def many(site, device_id):
    """Besides a, b and c, x000 to x119."""
    for number in range(120):
        site.services.fields.add(device_id, f"x{number:03}", unit="V" if number == 77 else "")


def _shown(page):
    return re.findall(r'data-field="([^"]+)"', page.body.decode())


def test_many_fields_come_in_pages(browser, path, many):
    pages = [browser.get(f"{path}?page={number}") for number in (1, 2, 3)]
    shown = [_shown(page) for page in pages]
    assert [len(names) for names in shown] == [50, 50, 23]
    assert [name for names in shown for name in names] == ["a", "b", "c", *(f"x{number:03}" for number in range(120))]
    assert "51 – 100 of 123" in text_of(pages[1])
    assert f'data-behind="{shown[2][0]}"' in pages[1].body.decode()  # what is dropped at its end
    assert 'data-behind=""' in pages[2].body.decode()
    assert _shown(browser.get(f"{path}?page=999")) == shown[2]
    assert _shown(browser.get(f"{path}?page=x")) == shown[0]


def test_a_field_is_found_by_what_it_is_called(browser, path, many):
    assert _shown(browser.get(f"{path}?q=X11")) == [f"x11{number}" for number in range(10)]
    found = browser.get(f"{path}?q=v")
    assert _shown(found) == ["x077"]
    assert "1 of 123 fields" in text_of(found)
    assert "/fields/move" not in found.body.decode()  # its neighbours are others than it seems
    assert "No field has “nobody” in its ID" in text_of(browser.get(f"{path}?q=nobody"))


def test_after_a_change_its_page_is_shown(browser, path, many):
    answer = browser.post(f"{path}/change", {"field": "x099", "label": "Ninety-nine"})
    page = browser.get(answer.headers["location"].partition("#")[0])
    assert "x099" in _shown(page)
    assert "Saved." in text_of(page)
    wrong = browser.post(f"{path}/change", {"field": "x110", "decimals": "x"})
    assert "x110" in _shown(wrong)
    moved = browser.post(f"{path}/move", {"field": "x047", "direction": "up"})
    assert _shown(browser.get(moved.headers["location"].partition("#")[0]))[49] == "x047"
    moved = browser.post(f"{path}/move", {"field": "x047", "direction": "down"})
    assert _shown(browser.get(moved.headers["location"].partition("#")[0]))[0] == "x047"


def test_a_device_without_fields_says_how_they_come(site, browser):
    text = text_of(browser.get(f"/admin/devices/{site.new_device(browser.who.account_id)}/fields"))
    assert "No field yet. A field is made by the first push" in text


def test_a_field_is_changed_without_script(site, browser, device_id, path):
    answer = browser.post(f"{path}/change", {"field": "b", **SHOWN})
    assert answer.headers["location"].endswith("#field-2")
    page = browser.follow(answer)
    assert "Saved." in page
    assert "21.3 °C" in page
    field = _field(site, device_id)
    assert (field.label, field.unit, field.color, field.decimals, field.hidden) == ("Warmth", "°C", "series-3", 1, True)
    browser.follow(browser.post(f"{path}/change", {"field": "b", "color": "own", "own_color": "#AA00bb"}))
    field = _field(site, device_id)
    assert (field.label, field.unit, field.color, field.decimals, field.hidden) == ("", "", "#aa00bb", None, False)
    assert 'fill="#aa00bb"' in browser.get(path).body.decode()


def test_htmx_gets_a_line_and_the_way_back(site, browser, device_id, path):
    before = _field(site, device_id)
    saved = browser.post(f"{path}/change", {"field": "b", **SHOWN}, HTMX)
    assert saved.status == 200
    assert "<html" not in saved.body.decode()
    assert "Saved." in words_of(saved)
    assert 'id="swatch-2" hx-swap-oob="true"' in saved.body.decode()
    assert 'id="last-2" hx-swap-oob="true"' in saved.body.decode()
    assert "21.3 °C" in words_of(saved)  # in its new decimals and unit
    undo = re.search(r"hx-vals='([^']*)'", saved.body.decode())
    assert undo is not None
    back = browser.post(f"{path}/change", json.loads(undo[1]), HTMX)
    assert 'id="field-2"' in back.body.decode()
    assert _field(site, device_id) == before


def test_what_changes_nothing_needs_no_way_back(browser, path):
    saved = browser.post(f"{path}/change", {"field": "b"}, HTMX)
    assert "Saved." in words_of(saved)
    assert "Undo" not in words_of(saved)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("label", "x" * 101, "The label has 101 characters"),
        ("unit", "\x07", "The unit contains a character"),
        ("decimals", "11", "a whole number from 0 to 10"),
        ("decimals", "-1", "a whole number from 0 to 10"),
        ("decimals", "1e1", "a whole number from 0 to 10"),
        ("decimals", "²", "a whole number from 0 to 10"),
        ("decimals", "9" * 5000, "a whole number from 0 to 10"),
        ("decimals", "0" * 5000, "a whole number from 0 to 10"),
        ("color", "red", "'red' is no colour"),
    ],
)
def test_what_cannot_be_is_said_in_its_place(site, browser, device_id, path, name, text, message):
    before = _field(site, device_id)
    form = {"field": "b", **SHOWN, name: text}
    answer = browser.post(f"{path}/change", form)
    assert answer.status == 422
    assert message in words_of(answer)
    assert 'value="Warmth"' in answer.body.decode() or name == "label"  # what was typed is still there
    part = browser.post(f"{path}/change", form, HTMX)
    assert part.status == 422
    assert f'data-wrong="{name}"' in part.body.decode()
    assert "<html" not in part.body.decode()
    assert _field(site, device_id) == before


def test_a_field_is_moved_by_its_buttons(site, browser, device_id, path):
    for field_id, direction, order in [
        ("c", "up", "acb"),
        ("c", "up", "cab"),
        ("c", "up", "cab"),
        ("a", "down", "cba"),
        ("a", "down", "cba"),
    ]:
        browser.follow(browser.post(f"{path}/move", {"field": field_id, "direction": direction}))
        assert "".join(_order(site, device_id)) == order


def test_a_field_is_put_before_another_one(site, browser, device_id, path):
    assert browser.post(f"{path}/move", {"field": "c", "before": "a"}, HTMX).status == 204
    assert _order(site, device_id) == ["c", "a", "b"]
    assert browser.post(f"{path}/move", {"field": "c", "before": ""}, HTMX).status == 204
    assert _order(site, device_id) == ["a", "b", "c"]
    for form in ({"field": "x", "before": "a"}, {"field": "a", "before": "x"}, {"field": "x"}, {}):
        assert browser.post(f"{path}/move", form, {"accept": "application/json"}).status == 404
    assert _order(site, device_id) == ["a", "b", "c"]


def test_a_field_is_made_by_hand(site, browser, device_id, path):
    page = browser.follow(browser.post(path, {"field_id": "rain", "label": "Rain", "unit": "mm"}))
    assert "rain no value yet" in page
    assert _field(site, device_id, "rain").label == "Rain"
    again = browser.post(path, {"field_id": "rain", "label": "Again"})
    assert again.status == 409
    assert "has a field 'rain' already" in words_of(again)
    wrong = browser.post(path, {"field_id": "a,b", "label": "Kept"})
    assert wrong.status == 422
    assert "cannot be a Field ID" in words_of(wrong)
    assert 'value="Kept"' in wrong.body.decode()


def test_a_viewer_sees_and_changes_nothing(site, browser, device_id, path):
    viewer = new_browser(site, Role.VIEWER, browser.who.account_id)
    page = viewer.get(path)
    assert "21.26" in text_of(page)
    assert "fieldset disabled" in page.body.decode()
    assert "Make a field by hand" not in words_of(page)
    for form, fields in (("", {"field_id": "x"}), ("/change", {"field": "b"}), ("/move", {"field": "b", "before": ""})):
        assert viewer.post(f"{path}{form}", fields).status == 403
    assert _order(site, device_id) == ["a", "b", "c"]


def test_names_of_fields_are_text(site, browser):
    device_id = site.new_device(browser.who.account_id)
    odd = "<b>\"'&</b>".replace("/", "")
    site.push(site.new_key(device_id), [(1, {odd: "<i>"})])
    path = f"/admin/devices/{device_id}/fields"
    body = browser.get(path).body.decode()
    assert "<b>" not in body
    assert "<i>" not in body
    assert browser.post(f"{path}/change", {"field": odd, "label": "Odd"}).status == 303
    assert _field(site, device_id, odd).label == "Odd"


def test_every_colour_of_the_palette_has_a_name():
    assert tuple(COLOR_NAMES) == PALETTE
