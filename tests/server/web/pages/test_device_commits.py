from __future__ import annotations

import json
import re
import uuid

import pytest
from tests.server.web.pages.people import new_person

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.pages.device_commits import log_path, parse_time
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, pack_from_commits


class Place:
    """A device, its owner at a browser, and what its log shows."""

    def __init__(self, site):
        self.site = site
        account = site.new_account()
        self.owner = new_person(site, account, Role.OWNER)
        self.viewer = new_person(site, account, Role.VIEWER)
        self.device_id = site.new_device(account)
        self.key = site.new_key(self.device_id, name="garden")
        self.path = f"/admin/devices/{self.device_id}/commits"

    def text(self, more="", *, who=None, status=200, headers=None):
        answer = self.site.get(self.path + more, {**(who or self.owner).headers, **(headers or {})})
        assert answer.status == status, answer.body
        return answer.body.decode()

    def numbers(self, more=""):
        return [int(n) for n in re.findall(r'<a class="number" href="[^"]*/(\d+)">', self.text(more))]

    def links(self, more=""):
        found = re.findall(r'href="([^"]+)" rel="(prev|next)"', self.text(more))
        return {rel: link.replace("&amp;", "&").partition("commits")[2] for link, rel in found}

    def push_pack(self, commits, *, origin=None, gaps=()):
        pack = pack_from_commits(origin or uuid.uuid4(), commits, parent=NO_PACK, gaps=gaps)
        body = encode_frame(encode_content(pack), epoch=self.site.storage.epoch)
        answer = self.site.call("POST", "/api/v1/packs", {**self.key, "content-type": PACK_TYPE}, body)
        assert answer.status == 200, answer.body
        return pack.origin


@pytest.fixture
def place(site):
    return Place(site)


def test_before_the_first_commit_it_says_what_comes(place):
    assert "No commit yet" in place.text()


def test_pages_lead_to_one_another(site, place):
    site.push(place.key, [(n * 1_000_000, {"a": n}) for n in range(1, 121)])
    assert place.numbers() == list(range(120, 70, -1))
    assert "prev" not in place.links()
    second = place.links()["next"]
    assert place.numbers(second) == list(range(70, 20, -1))
    third = place.links(second)["next"]
    assert place.numbers(third) == list(range(20, 0, -1))
    assert "next" not in place.links(third)
    assert place.numbers(place.links(third)["prev"]) == list(range(70, 20, -1))
    assert place.numbers(place.links(second)["prev"]) == list(range(120, 70, -1))


def test_what_is_known_of_a_commit_is_told(site, place):
    place.push_pack([Commit(1, 5_000_000, (("a", 1.5),), "first <light>", 60_000_000, uncertain=True)])
    text = place.text()
    assert "first &lt;light&gt;" in text
    assert "the key “garden”" in text
    assert "clock uncertain" in text
    assert re.search(r'data-us="65000000"', text)
    assert re.search(r'recorded as <time[^>]*data-us="5000000"', text)
    assert f'data-us="{site.clock()}"' in text
    one = place.text(re.search(r'<a class="number" href="[^"]*commits(/[^"]+)"', text)[1])
    assert "corrected that by 60 s forward" in one
    assert "could not be repaired" in one
    assert "1970-01-01T00:00:05Z" in one


def test_gaps_say_why_and_lead_to_themselves(place):
    origin = place.push_pack(
        [Commit(1, 5, (("a", 1),)), Commit(5, 6, (("a", 2),))], gaps=[Gap(2, 3, "refused: no field 'b'")]
    )
    text = place.text()
    assert "These 3 commits will never come. The device says: refused: no field &#39;b&#39;" in text
    assert place.numbers() == [5, 4, 1]
    for number in (2, 3, 4):
        one = place.text(f"/{origin}/{number}")
        assert "Commits 2 to 4: a gap" in one
        assert f"/{origin}/1" in one
        assert f"/{origin}/5" in one


def test_one_origin_of_several(site, place):
    site.push(place.key, [(n, {"a": n}) for n in (1, 2)])
    other = place.push_pack([Commit(1, 7, (("a", 70),))])
    body = {"clientTimestamp": 5, "entries": [{"timestamp": 5, "values": [{"a": 1.5}]}]}
    assert site.call("POST", "/api/v1/entries/", place.key, json.dumps(body).encode()).status == 200
    text = place.text()
    assert place.numbers() == [1, 1, 2, 1]
    assert "JSON v1" in text
    assert "all 3" in text
    assert "behind" in text  # the clock of what came as JSON
    assert place.numbers(f"?origin={other}") == [1]
    assert "no such origin" in place.text(f"?origin={uuid.uuid4()}", status=404)
    assert "no such origin" in place.text("?origin=x", status=404)


def test_to_a_time(site, place):
    site.push(place.key, [(n * 1_000_000, {"a": n}) for n in range(1, 121)])
    assert place.numbers("?at_us=30500000")[:2] == [30, 29]
    assert place.numbers("?at=1970-01-01T00:00:30")[:2] == [30, 29]
    origin = site.storage.origins(place.device_id)[0].origin
    assert place.numbers(f"?at_us=30500000&origin={origin}")[:2] == [30, 29]
    early = place.text("?at_us=5")
    assert "No commit is that old" in early
    assert place.numbers("?at_us=5")[0] == 120
    assert "is not a time" in place.text("?at=yesterday")
    assert "is not a time" in place.text("?at_us=x")


def test_a_place_that_is_none_is_refused(site, place):
    site.push(place.key, [(1, {"a": 1})])
    assert "not a place in the log" in place.text("?before=x", status=422)
    assert place.numbers("?after=999999999-1") == [1]


def test_all_values_of_a_commit_come_on_demand(site, place):
    site.push(place.key, [(1, {f"f{n:02}": n for n in range(20)})])
    text = place.text()
    assert "and 12 more" in text
    path = re.search(r'hx-get="[^"]*commits(/[^"]+)"', text)[1]
    part = place.text(path, headers={"hx-request": "true"})
    assert part.count('class="pair"') == 20
    assert "<html" not in part
    assert "f19" in place.text(path)


def test_only_editors_are_offered_to_delete(site, place):
    site.push(place.key, [(1, {"a": 1})])
    origin = site.storage.origins(place.device_id)[0].origin
    for more in ("", f"/{origin}/1"):
        assert "values/delete" in place.text(more)
        assert "values/delete" not in place.text(more, who=place.viewer)


def test_an_address_of_the_log():
    device, origin = uuid.UUID(int=1), uuid.UUID(int=2)
    assert log_path(device) == f"/admin/devices/{device}/commits"
    assert log_path(device, origin=origin, before="5-6").endswith(f"/commits?origin={origin}&before=5-6")


@pytest.mark.parametrize(
    ("exact", "text", "expected"),
    [
        ("", "", None),
        (" ", " ", None),
        ("5", "1970-01-01T00:00:30", 5),
        ("", "1970-01-01T00:00:30", 30_000_000),
        ("", "1970-01-01 00:00:30.123456", 30_123_456),
        ("", "1970-01-01T02:00:30+02:00", 30_000_000),
        ("-999999999999999999", "", MIN_TIME_US),
        ("999999999999999999", "", MAX_TIME_US + 1),
    ],
)
def test_times_of_forms(exact, text, expected):
    assert parse_time(exact, text) == expected


@pytest.mark.parametrize(("exact", "text"), [("x", ""), ("1.5", ""), ("9" * 19, ""), ("", "now"), ("", "99:99")])
def test_what_is_no_time(exact, text):
    with pytest.raises(Invalid, match="not a time"):
        parse_time(exact, text)
