from __future__ import annotations

import pytest
from tests.server.web.pages.forms import new_browser, text_of, words_of

from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.device_settings import silence_of, tags_of
from nikdev_iot.server.web.pages.routing import Form


@pytest.fixture
def browser(site):
    return new_browser(site)


@pytest.fixture
def device_id(site, browser):
    return site.new_device(browser.who.account_id, "Roof")


@pytest.fixture
def path(device_id):
    return f"/admin/devices/{device_id}/settings"


SETTINGS = {
    "name": " Attic ",
    "note": "By the <door>\r\nsecond line",
    "tags": "north, Loft,north",
    "accepts_new_fields": "on",
    "silent_after": "1,5",
    "silent_unit": "h",
}


def test_everything_is_saved(site, browser, device_id, path):
    page = browser.follow(browser.post(path, SETTINGS))
    assert "Saved." in page
    assert "Attic" in page
    device = site.services.devices.get(device_id)
    assert (device.name, device.note) == ("Attic", "By the <door>\nsecond line")
    assert (device.tags, device.accepts_new_fields, device.silent_after_s) == (("north", "Loft"), True, 5_400)
    body = browser.get(path).body.decode()
    assert "By the &lt;door&gt;\nsecond line</textarea>" in body
    assert 'value="north, Loft"' in body
    assert 'value="90"' in body
    assert '<option value="min" selected>' in body
    browser.follow(browser.post(path, {"name": "Attic"}))
    device = site.services.devices.get(device_id)
    assert (device.note, device.tags, device.accepts_new_fields, device.silent_after_s) == ("", (), False, None)


def test_what_is_wrong_is_said_beside_each(site, browser, device_id, path):
    before = site.services.devices.get(device_id)
    wrong = {
        "name": " ",
        "note": "x" * 2_001,
        "tags": "y" * 31,
        "silent_after": "soon",
        "silent_unit": "h",
    }
    answer = browser.post(path, wrong)
    assert answer.status == 422
    text = words_of(answer)
    for message in (
        "The device's name is empty.",
        "The note has 2001 characters",
        "has 31 characters; the longest has 30",
        "Write how long it may be quiet as a number",
    ):
        assert message in text
    assert answer.body.count(b'aria-invalid="true"') == 4
    assert 'value="soon"' in answer.body.decode()
    short = browser.post(path, {**SETTINGS, "silent_after": "2", "silent_unit": "s"})
    assert "silent after 10 s to 366 days" in words_of(short)
    assert site.services.devices.get(device_id) == before


def test_tags_of_the_accounts_other_devices_are_offered(site, browser, device_id, path):
    for owner, tags in ((browser.who.account_id, ["roof", "north"]), (site.new_account(), ["secret"])):
        site.services.devices.update(site.new_device(owner), tags=tags)
    site.services.devices.update(device_id, tags=["north"])
    body = browser.get(path).body.decode()
    assert 'data-tag="roof"' in body
    assert 'data-tag="north"' not in body
    assert "secret" not in body


def test_a_device_is_deleted_after_its_name(site, browser, device_id, path):
    headers = site.new_key(device_id)
    site.push(headers, [(1, {"a": 1})])
    for typed in ("", "roof", "Roof!"):
        answer = browser.post(f"{path}/delete", {"name": typed})
        assert answer.status == 422
        assert "That is not its name, which is “Roof”. Nothing was deleted." in words_of(answer)
    assert site.get("/api/v1/values", headers).status == 200
    assert "“Roof” is deleted" in text_of(browser.post(f"{path}/delete", {"name": " Roof "}))
    assert site.get("/api/v1/values", headers).status == 401
    assert browser.get(path).status == 404
    assert browser.post(f"{path}/delete", {"name": "Roof"}).status == 404


def test_who_may_do_what(site, browser, device_id, path):
    editor, viewer = (new_browser(site, role, browser.who.account_id) for role in (Role.EDITOR, Role.VIEWER))
    assert "Only an owner of this account can delete the device." in text_of(editor.get(path))
    assert editor.post(f"{path}/delete", {"name": "Roof"}).status == 403
    assert editor.post(path, SETTINGS).status == 303
    page = viewer.get(path)
    assert "fieldset" in page.body.decode()
    assert "Save" not in words_of(page)
    assert "Delete" not in words_of(page)
    assert viewer.post(path, {"name": "x"}).status == 403
    assert site.services.devices.get(device_id).name == "Attic"


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("", "min", None), (" 5 ", "min", 300), ("0.5", "h", 1_800), ("0,25", "d", 21_600), ("90", "s", 90)],
)
def test_how_long_it_may_be_quiet(text, unit, seconds):
    assert silence_of(Form([("silent_after", text), ("silent_unit", unit)])) == seconds


@pytest.mark.parametrize(
    ("text", "unit"), [("x", "s"), ("-1", "s"), ("NaN", "s"), ("1e99", "s"), ("5", "y"), ("5", "")]
)
def test_what_is_no_time(text, unit):
    with pytest.raises(Invalid):
        silence_of(Form([("silent_after", text), ("silent_unit", unit)]))


def test_tags_are_between_commas():
    assert tags_of("a, b,,c") == ["a", " b", "", "c"]
