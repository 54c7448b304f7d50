from __future__ import annotations

import pytest
from tests.server.web.whole_app import running_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


class Place:
    """A device with three values, and its owner."""

    def __init__(self, site):
        self.site = site
        self.account = site.new_account(email=None)
        self.device_id = site.new_device(self.account)
        self.key = site.new_key(self.device_id)
        self.session = site.new_session(self.account)
        self.path = f"/api/v1/devices/{self.device_id}/deletions"
        site.push(self.key, [(n * 1_000_000, {"a": n, "b": 10 * n}) for n in (1, 2, 3)])

    def delete(self, **body):
        return self.site.send("POST", self.path, self.session, {"reason": "wrong", **body})

    def times(self, field="a"):
        return self.site.get(f"/api/v1/history?fields={field}", self.key).json["fields"][field]["times_us"]

    def newest(self):
        values = self.site.get("/api/v1/values/a", self.key).json["data"]["values"]
        return values[0]["a"]["value"]


@pytest.fixture
def place(site):
    return Place(site)


def test_values_are_deleted_everywhere_and_come_back(site, place):
    mark = site.storage.origins(place.device_id)
    answer = place.delete(fields=["a"], start_us=2_000_000, end_us=9_000_000, expected=2)
    assert answer.status == 201
    made = answer.json
    assert (made["value_count"], made["fields"], made["undone_us"]) == (2, ["a"], None)
    assert made["made_by"].endswith("@example.org")
    assert place.times() == [1_000_000]
    assert place.times("b") == [1_000_000, 2_000_000, 3_000_000]
    assert place.newest() == 1
    csv = site.get("/api/v1/history?format=csv&fields=a,b", place.key).body.decode()
    assert [line.partition("Z")[2] for line in csv.split()] == ["", ",1,10", ",,20", ",,30"]
    buckets = site.get("/api/v1/history?every=10s&aggregate=count&fields=a", place.key).json
    assert buckets["fields"]["a"]["count"] == [1]
    items = site.get("/api/v1/commits", place.key).json["items"]
    assert [(item["values"], item["deleted"]) for item in items] == [
        ({"b": 30}, ["a"]),
        ({"b": 20}, ["a"]),
        ({"a": 1, "b": 10}, []),
    ]
    assert site.storage.origins(place.device_id) == mark
    site.push(place.key, [(2_500_000, {"a": 25})])  # later, into the same stretch
    assert place.times() == [1_000_000, 2_500_000]
    assert place.newest() == 25
    undone = site.call("DELETE", f"{place.path}/{made['deletion_id']}", place.session)
    assert undone.status == 200
    assert undone.json["undone_by"] == made["made_by"]
    assert place.times() == [1_000_000, 2_000_000, 2_500_000, 3_000_000]
    assert place.newest() == 3
    assert site.get(place.path, place.session).json["deletions"] == [undone.json]
    again = site.call("DELETE", f"{place.path}/{made['deletion_id']}", place.session)
    assert again.status == 409
    assert "undone before" in again.message


def test_one_commit_alone(site, place):
    item = site.get("/api/v1/commits", place.key).json["items"][0]
    answer = place.delete(start_us=3_000_000, end_us=3_000_001, origin=item["origin"], number=item["number"])
    assert answer.json["value_count"] == 2
    assert answer.json["number"] == 3
    assert place.times() == [1_000_000, 2_000_000]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"start_us": 5, "end_us": 5}, 422, "end: lies before the start"),
        ({"start_us": 5}, 422, "end_us: is missing"),
        ({"start_us": 5, "end_us": 6}, 422, "no value to delete"),
        ({"start_us": 0, "end_us": 10**15, "reason": " "}, 422, "reason: say why"),
        ({"start_us": 0, "end_us": 10**15, "fields": ["c"]}, 404, "no field c"),
        ({"start_us": 0, "end_us": 10**15, "fields": []}, 422, "fields: choose"),
        ({"start_us": 0, "end_us": 10**15, "number": 3}, 422, "needs both"),
        ({"start_us": 0, "end_us": 10**15, "number": 3, "origin": "x"}, 422, "not a UUID"),
        ({"start_us": 0, "end_us": 10**15, "expected": 7}, 409, "There are 6 values now"),
        ({"start_us": 0, "end_us": 10**15, "force": True}, 422, "force: is not known"),
    ],
)
def test_what_cannot_be_deleted_is_refused_and_nothing_changes(site, place, body, status, message):
    answer = place.delete(**body)
    assert answer.status == status
    assert message in answer.message
    assert site.get(place.path, place.session).json == {"deletions": []}
    assert len(place.times()) == 3
