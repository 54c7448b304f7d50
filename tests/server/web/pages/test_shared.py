from __future__ import annotations

import json
import uuid

import pytest
from tests.server.web.pages.boards import Boards, key, make_boards, value_tile
from tests.server.web.pages.forms import text_of
from tests.server.web.pages.streams import Stream

from nikdev_iot.server.dashboards.content import ChartTile, Content, Place, Source, TextTile, ValueTile
from nikdev_iot.server.errors import TooMany
from nikdev_iot.server.web.pages.shared import ShareGate


@pytest.fixture
def boards(site) -> Boards:
    return make_boards(site)


@pytest.fixture
def board(boards):
    """A board that shows `a` of one device and `b` of the other, and `c` of none."""
    return boards.add(
        value_tile(boards.roof, "a"),
        ChartTile(id="t2", place=Place(0, 2, 6, 4), sources=(Source(boards.roof, "a"), Source(boards.cellar, "b"))),
    )


@pytest.fixture
def path(boards, board):
    return f"/shared/{boards.share(board)}"


def test_anyone_with_the_link_sees_it(boards, path):
    answer = boards.site.get(path)
    text = text_of(answer)
    assert "Wall" in text
    assert "3.5" in text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["cache-control"] == "no-store"
    assert b'<meta name="robots" content="noindex, nofollow">' in answer.body


def test_the_page_leads_nowhere_and_tells_of_nobody(boards, path):
    body = boards.site.get(path).body.decode()
    for secret in ("/admin/devices/", boards.browser.who.email, "31337", str(boards.account_id), "csrf-", "/edit"):
        assert secret not in body
    assert boards.browser.who.email not in boards.browser.get(path).body.decode()  # nor when its owner looks


def fields_of(answer):
    assert answer.status == 200, answer.body
    return {name: field["values"] for name, field in answer.json["fields"].items()}


def test_its_data_are_those_of_its_fields(boards, path):
    found = fields_of(boards.site.get(f"{path}/series"))
    assert found == {key(boards.roof, "a"): [1.5, 3.5], key(boards.cellar, "b"): [3.5]}
    one = fields_of(boards.site.get(f"{path}/series?fields={boards.cellar}%2Fb"))
    assert one == {key(boards.cellar, "b"): [3.5]}
    wide = f"{path}/series?start_us={-(10**15)}&end_us={4 * 10**15}"  # another range is fine
    assert fields_of(boards.site.get(wide)) == found


def test_nothing_else_can_be_had_by_it(boards, path):
    other = make_boards(boards.site)
    for source in (
        key(boards.roof, "b"),  # another field of a device that is on it
        key(boards.roof, "c"),
        key(boards.cellar, "a"),
        key(boards.cellar, "c"),
        key(other.roof, "a"),  # another account's device
        key(uuid.uuid4(), "a"),
        f"{boards.roof}/a/../c",
        f"{str(boards.roof).upper()}/c",
    ):
        quoted = source.replace("/", "%2F")
        for query in (quoted, f"{boards.roof}%2Fa,{quoted}", source):
            answer = boards.site.get(f"{path}/series?fields={query}")
            assert answer.status == 404, query
            assert b"31337" not in answer.body
    for query in ("*", "a", f"{boards.roof}", f"{boards.roof}%2F", "%2Fa", f"{{{boards.roof}}}%2Fc", ",", ""):
        assert boards.site.get(f"{path}/series?fields={query}").status == 422, query
    token = path.removeprefix("/shared/")
    for address in (
        f"/admin/devices/{boards.roof}/series",
        f"/admin/devices/{boards.roof}",
        f"/admin/live?devices={boards.roof}",
        "/admin/dashboards",
        f"{path}/edit",
        f"{path}/export.csv",
        f"{path}/..%2F..%2Fadmin",
    ):
        for headers in ({}, {"cookie": f"nikdev_session={token}"}, {"authorization": f"Bearer {token}"}):
            assert boards.site.get(address, headers).status in {303, 404}, address


def test_deleted_devices_and_fields_taken_off_are_gone_at_once(boards, board, path):
    services = boards.site.services
    services.devices.delete(boards.cellar, account_id=boards.account_id)
    assert fields_of(boards.site.get(f"{path}/series")) == {key(boards.roof, "a"): [1.5, 3.5]}
    assert "no longer there" in text_of(boards.site.get(path))
    services.dashboards.change(
        board.id, account_id=boards.account_id, version=1, content=Content((value_tile(boards.roof, "b"),))
    )
    assert boards.site.get(f"{path}/series?fields={boards.roof}%2Fa").status == 404
    assert fields_of(boards.site.get(f"{path}/series")) == {key(boards.roof, "b"): [2.5]}


def test_another_accounts_device_put_on_a_shared_board_shows_nothing(boards):
    other = make_boards(boards.site)
    board = boards.add(ValueTile(id="t1", place=Place(0, 0, 3, 2), source=Source(other.roof, "c")))
    path = f"/shared/{boards.share(board)}"
    assert b"31337" not in boards.site.get(path).body
    assert fields_of(boards.site.get(f"{path}/series")) == {}
    assert boards.site.get(f"{path}/series?fields={other.roof}%2Fc").status == 404
    stream = Stream(boards.site, f"{path}/live")
    other.push(other.roof, c=99_999.5)
    with pytest.raises(TimeoutError):
        stream.event(0.6)
    stream.close()


@pytest.mark.parametrize("deed", ["withdraw", "share", "remove"])
def test_a_withdrawn_link_opens_nothing_any_more(boards, board, path, deed):
    getattr(boards.site.services.dashboards, deed)(board.id, account_id=boards.account_id)
    for address in (path, f"{path}/series", f"{path}/live"):
        answer = boards.site.get(address)
        assert answer.status == 404
        assert b"Wall" not in answer.body
    assert "withdrawn" in boards.site.get(f"{path}/series", {"accept": "application/json"}).message


# -- live -------------------------------------------------------------------------------------------


def test_a_stream_brings_its_fields_and_no_others(boards, path):
    stream = Stream(boards.site, f"{path}/live")
    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert stream.headers["referrer-policy"] == "no-referrer"
    first = {}
    for _ in range(2):
        name, data = stream.event()
        assert name == "values"
        first[data["device"]] = {field: value for field, (_, value) in data["latest"].items()}
    assert first == {str(boards.roof): {"a": 3.5}, str(boards.cellar): {"b": 3.5}}
    boards.push(boards.roof, c=99_999.5)  # nothing of it is on the board
    boards.push(boards.roof, a=4.5, b=5.5, c=99_999.5)
    name, data = stream.event()
    assert (name, data["device"]) == ("values", str(boards.roof))
    assert "99999.5" not in json.dumps(data)
    assert list(data["latest"]) == list(data["points"]) == ["a"]
    assert [value for _, value in data["points"]["a"]] == [4.5]
    stream.close()


@pytest.mark.parametrize("deed", ["withdraw", "share", "remove", "change"])
def test_running_streams_end_with_the_link(boards, board, path, deed):
    stream = Stream(boards.site, f"{path}/live?version=1")
    for _ in range(2):
        assert stream.event() is not None
    options = {"version": 1, "name": "New"} if deed == "change" else {}
    getattr(boards.site.services.dashboards, deed)(board.id, account_id=boards.account_id, **options)
    assert stream.event(1.0) is None
    stream.close()
    again = Stream(boards.site, f"{path}/live?version=1")
    if deed == "change":
        assert again.event() == ("changed", {})  # the page loads itself anew
    else:
        assert again.status == 404
    again.close()


def test_streams_of_others_go_on(boards, board, path):
    other = boards.add(TextTile(id="t1", place=Place(0, 0, 3, 2), text="Hello"))
    boards.share(other)
    stream = Stream(boards.site, f"{path}/live")
    for _ in range(2):
        stream.event()
    boards.site.services.dashboards.withdraw(other.id, account_id=boards.account_id)
    boards.push(boards.roof, a=7.5)
    assert stream.event()[1]["latest"]["a"][1] == 7.5
    stream.close()


# -- rates ------------------------------------------------------------------------------------------


def test_one_client_may_ask_so_often(boards, path):
    gate = ShareGate(monotonic_s=lambda: 5.0)
    for _ in range(200):
        gate.admit("192.0.2.1")
    with pytest.raises(TooMany):
        gate.admit("192.0.2.1")
    gate.admit("192.0.2.2")
    before = boards.site.app._api.state.share_gate
    boards.site.app._api.state.share_gate = gate
    try:
        statuses = {boards.site.get(path).status for _ in range(201)}
        answer = boards.site.get(path)
        assert statuses == {200, 429}
        assert int(answer.headers["retry-after"]) >= 1
    finally:
        boards.site.app._api.state.share_gate = before
