from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from tests.server.web.pages.people import new_person

from nikdev_iot.server.ingest.turns import Turns
from nikdev_iot.server.storage.people import Role

FORM = "application/x-www-form-urlencoded"


class Place:
    """A device with three commits of two fields, and its owner at a browser."""

    def __init__(self, site):
        self.site = site
        account = site.new_account()
        self.owner = new_person(site, account, Role.OWNER)
        self.device_id = site.new_device(account)
        self.key = site.new_key(self.device_id)
        self.path = f"/admin/devices/{self.device_id}"
        site.push(self.key, [(n * 1_000_000, {"a": n, "b": 10 * n}) for n in (1, 2, 3)])

    def ask(self, *, status=200, **query):
        answer = self.site.get(f"{self.path}/values/delete?{urlencode(query)}", self.owner.headers)
        assert answer.status == status
        return answer.body.decode()

    def hidden(self, text):
        """What the second form of the page would send."""
        form = text[text.index('id="confirm"') :]
        return [(n, unescape(v)) for n, v in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)]

    def send(self, path, fields):
        headers = {**self.owner.headers, "content-type": FORM, "sec-fetch-site": "same-origin"}
        return self.site.call("POST", f"{self.path}{path}", headers, urlencode(fields).encode())

    def delete(self, text, reason="wrong"):
        return self.send("/values/delete", [*self.hidden(text), ("reason", reason)])

    def times(self, field="a"):
        return self.site.get(f"/api/v1/history?fields={field}", self.key).json["fields"][field]["times_us"]

    def log(self):
        return self.site.get(f"{self.path}/commits", self.owner.headers).body.decode()


@pytest.fixture
def place(site):
    return Place(site)


def test_counting_waits_for_its_turn(place, monkeypatch):
    taken, take = [], Turns.take
    monkeypatch.setattr(Turns, "take", lambda turns, key: taken.append(key) or take(turns, key))
    place.ask()
    assert not taken  # there is nothing to count yet
    text = place.ask(fields="a", start_us=2_000_000, end_us=3_000_000)
    assert taken == [place.device_id]
    assert place.delete(text).status == 303
    assert taken == [place.device_id] * 2


def test_values_are_counted_confirmed_deleted_and_brought_back(place):
    text = place.ask(fields="a", start_us=2_000_000, end_us=3_000_000)
    assert "1 value would be hidden" in text
    answer = place.delete(text, "the sensor <was> wet")
    assert answer.status == 303
    assert answer.headers["location"] == f"{place.path}/commits#deletions"
    assert place.times() == [1_000_000, 3_000_000]
    assert place.times("b") == [1_000_000, 2_000_000, 3_000_000]
    log = place.log()
    assert "1 value</strong> of a" in log
    assert "the sensor &lt;was&gt; wet" in log
    assert place.owner.email in log
    assert re.search(r'class="pair deleted"><span class="quiet">a</span> deleted', log)
    (undo,) = re.findall(r'action="[^"]*(/deletions/[^"]+/undo)"', log)
    answer = place.send(undo, {"csrf": place.owner.csrf})
    assert answer.status == 303
    assert place.times() == [1_000_000, 2_000_000, 3_000_000]
    assert "Shown again" in place.log()
    assert place.send(undo, {"csrf": place.owner.csrf}).status == 409


def test_all_fields_and_one_commit(place):
    origin = place.site.storage.origins(place.device_id)[0].origin
    text = place.ask(start_us=2_000_000, end_us=2_000_001, origin=origin, number=2)
    assert "2 values would be hidden" in text
    assert place.delete(text).status == 303
    (made,) = place.site.storage.deletions(place.device_id)
    assert (made.fields, made.commit, made.value_count) == (None, (origin, 2), 2)
    assert f"{place.path}/commits/{origin}/2" in place.log()
    one = place.site.get(f"{place.path}/commits/{origin}/2", place.owner.headers).body.decode()
    assert one.count("see why") == 2


def test_without_a_reason_it_is_asked_for_and_nothing_is_deleted(place):
    text = place.ask(fields="a,b", start_us=0, end_us=10_000_000)
    assert "6 values would be hidden" in text
    answer = place.delete(text, "  ")
    assert answer.status == 422
    again = answer.body.decode()
    assert "Say why, for those who will miss the values later." in again
    assert "6 values would be hidden" in again
    assert place.delete(again, "now").status == 303


def test_what_comes_between_question_and_answer_is_kept(place):
    text = place.ask(start_us=0, end_us=10_000_000)
    place.site.push(place.key, [(5_000_000, {"a": 5})])
    assert place.delete(text).status == 303
    assert place.times() == [5_000_000]


def test_another_number_than_the_one_confirmed_is_asked_again(place):
    text = place.ask(start_us=0, end_us=10_000_000)
    assert place.delete(place.ask(start_us=0, end_us=1_500_000)).status == 303
    answer = place.delete(text, "all of it")
    assert answer.status == 409
    again = answer.body.decode()
    assert "There are 4 values now; when you were asked, there were 6." in again
    assert "4 values would be hidden" in again
    assert 'value="all of it"' in again
    assert place.times() == [2_000_000, 3_000_000]


def test_nothing_there_is_said_so(place):
    assert "No value is shown there" in place.ask(start_us=4_000_000, end_us=5_000_000)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"fields": "nope", "start_us": 0, "end_us": 5}, "no field nope"),
        ({"chosen": 1, "start_us": 0, "end_us": 5}, "Choose at least one field."),
        ({"chosen": 1, "fields": "a", "start_us": 0}, "Say when."),
        ({"fields": "a", "start": "x", "end_us": 5}, "is not a time"),
        ({"fields": "a", "start_us": 5, "end_us": 5}, "Lies before the start"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(place, query, said):
    text = place.ask(**query)
    assert said in unescape(text)
    assert 'id="confirm"' not in text


def test_a_form_that_is_not_ours_deletes_nothing(place):
    csrf = ("csrf", place.owner.csrf)
    whole = [("start_us", "0"), ("end_us", "9000000"), ("reason", "x")]
    for fields, status in [([], 422), (whole, 422), ([*whole, ("arrival", "x"), ("count", "6")], 422)]:
        assert place.send("/values/delete", [csrf, *fields]).status == status
    assert place.site.storage.deletions(place.device_id) == []
    assert place.send("/deletions/x/undo", [csrf]).status == 404
