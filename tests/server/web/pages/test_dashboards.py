from __future__ import annotations

import json
import re
import uuid

import pytest
from tests.server.web.pages.boards import S_US, Boards, make_boards, value_tile
from tests.server.web.pages.forms import new_browser, text_of, words_of

from nikdev_iot.server.dashboards.content import ChartTile, Place, TextTile, ValueTile
from nikdev_iot.server.storage.people import Role


@pytest.fixture
def boards(site) -> Boards:
    return make_boards(site)


def test_without_a_dashboard_the_page_says_what_one_is(boards):
    assert "puts fields of several devices on one page" in text_of(boards.browser.get("/admin/dashboards"))
    viewer = new_browser(boards.site, Role.VIEWER)
    assert "an editor of this account can make one" in text_of(viewer.get("/admin/dashboards"))


def test_one_is_made_empty_or_with_all_that_a_device_has(boards):
    page = boards.browser.follow(boards.browser.post("/admin/dashboards", {"name": "Wall", "device": ""}))
    assert "Nothing on it yet" in page
    boards.site.clock.now_us += 1
    answer = boards.browser.post("/admin/dashboards", {"name": "Roof now", "device": str(boards.roof)})
    page = boards.browser.follow(answer)
    assert "Roof now" in page
    assert "3.5" in page
    found = boards.site.services.dashboards.all(boards.account_id)
    assert [dashboard.name for dashboard in found] == ["Wall", "Roof now"]
    assert [type(tile) for tile in boards.content(found[1]).tiles][:4] == [ValueTile, ValueTile, ValueTile, ChartTile]
    listed = text_of(boards.browser.get("/admin/dashboards"))
    assert "Roof now" in listed
    assert "0 tiles" in listed


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": " "}, "The dashboard's name is empty."),
        ({"name": "x" * 101}, "has 101 characters"),
        ({"name": "a", "device": str(uuid.UUID(int=5))}, "There is no device"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(boards, form, words):
    answer = boards.browser.post("/admin/dashboards", form)
    assert answer.status == 422
    assert words in words_of(answer)
    assert f'value="{form["name"].strip()}"'.encode() in answer.body or form["name"] == " "
    assert boards.site.services.dashboards.all(boards.account_id) == []


def test_the_values_are_there_without_a_script(boards):
    tiles = [
        value_tile(boards.roof, "a"),
        TextTile(id="t2", place=Place(3, 0, 3, 2), title="<Note>", text="Ring\nAda & Bob"),
        value_tile(boards.cellar, "gone", "t3"),
        value_tile(uuid.UUID(int=9), "a", "t4"),
    ]
    board = boards.add(*tiles)
    answer = boards.browser.get(f"/admin/dashboards/{board.id}")
    text = text_of(answer)
    for words in ("3.5", "<Note>", "Ring Ada & Bob", "“Cellar” has no field “gone” any more."):
        assert words in text
    assert "The device of “a” is no longer there." in text
    assert b"style=" not in answer.body
    assert b"31337" not in answer.body


def test_a_board_of_what_is_long_ago_shows_that_and_says_so(boards):
    board = boards.add(value_tile(boards.roof, "a"), value_tile(boards.cellar, "a", "t2"))
    path = f"/admin/dashboards/{board.id}"
    token = boards.share(board)
    boards.browser.post(f"{path}/name", {"name": "Wall", "range": "15m", "version": "1"})
    assert 'data-range="15m"' in boards.browser.get(path).body.decode()
    boards.site.clock.now_us += 20 * 60 * S_US
    for text in (boards.browser.get(path).body.decode(), boards.site.get(f"/shared/{token}").body.decode()):
        assert "Nothing came in the last 15 min; what you see ends with the newest value." in text
        assert re.search(r'data-range="[\dT:-]+Z/[\dT:-]+Z"', text)
        assert 'instead-of="15m"' in text
    asked = boards.browser.get(f"{path}?range=7d").body.decode()
    assert 'data-range="7d"' in asked
    assert "Nothing came" not in asked
    boards.push(boards.cellar, a=1.0)  # one that goes on is enough
    assert 'data-range="15m"' in boards.browser.get(path).body.decode()


def test_another_accounts_device_on_a_dashboard_is_not_there(boards):
    other = make_boards(boards.site)
    board = boards.add(value_tile(other.roof, "c"))
    path = f"/admin/dashboards/{board.id}"
    answer = boards.browser.get(path)
    assert "is no longer there" in text_of(answer)
    assert b"31337" not in answer.body
    assert b"Roof" not in answer.body
    assert boards.browser.get(f"{path}/series?fields={other.roof}%2Fc").status == 404


def test_viewers_look_and_change_nothing(boards):
    board = boards.add(value_tile(boards.roof, "a"))
    viewer = new_browser(boards.site, Role.VIEWER, boards.account_id)
    path = f"/admin/dashboards/{board.id}"
    assert "/edit" not in viewer.get(path).body.decode()
    assert viewer.get(f"{path}/edit").status == 403
    for deed in ("name", "layout", "delete", "share", "withdraw", "tiles", "tiles/t1", "tiles/t1/remove"):
        assert viewer.post(f"{path}/{deed}", {"name": "Wall"}).status == 403
    assert boards.now(board) == board


def test_name_and_range_are_changed(boards):
    board = boards.add()
    path = f"/admin/dashboards/{board.id}"
    page = boards.browser.follow(boards.browser.post(f"{path}/name", {"name": "New", "range": "7d", "version": "1"}))
    assert "New" in page
    assert (boards.now(board).name, boards.content(board).range) == ("New", "7d")
    wrong = boards.browser.post(f"{path}/name", {"name": "", "range": "7d", "version": "2"})
    assert (wrong.status, "name is empty" in words_of(wrong)) == (422, True)
    assert boards.browser.post(f"{path}/name", {"name": "x", "range": "2h", "version": "2"}).status == 422
    assert boards.browser.post(f"{path}/name", {"name": "x", "range": "1h"}).status == 422
    assert boards.now(board).version == 2


def test_the_second_of_two_editors_is_told_and_keeps_what_was_typed(boards):
    board = boards.add()
    path = f"/admin/dashboards/{board.id}"
    boards.browser.post(f"{path}/name", {"name": "Theirs", "range": "24h", "version": "1"})
    answer = boards.browser.post(f"{path}/name", {"name": "Mine", "range": "24h", "version": "1"})
    assert answer.status == 409
    assert "was changed elsewhere since you opened it" in words_of(answer)
    assert b'value="Mine"' in answer.body
    assert b'name="version" value="2"' in answer.body  # sent again, it takes the place of theirs
    assert boards.now(board).name == "Theirs"


def layout(boards, board, places, version):
    sent = {"places": json.dumps(places), "version": str(version)}
    return boards.browser.post(f"/admin/dashboards/{board.id}/layout", sent, {"accept": "application/json"})


def test_a_script_puts_tiles_elsewhere(boards):
    board = boards.add(value_tile(boards.roof, "a"), value_tile(boards.roof, "b", "t2"))
    answer = layout(boards, board, {"t2": {"x": 0, "y": 0, "w": 6, "h": 3}, "t1": {"x": 0, "y": 3, "w": 3, "h": 2}}, 1)
    assert (answer.status, answer.json) == (200, {"version": 2})
    places = {tile.id: tile.place for tile in boards.content(board).tiles}
    assert places == {"t2": Place(0, 0, 6, 3), "t1": Place(0, 3, 3, 2)}
    late = layout(boards, board, {"t1": {"x": 0, "y": 0, "w": 1, "h": 1}}, 1)
    assert (late.status, late.json["code"], late.json["version"]) == (409, "changed", 2)
    for wrong in ({"t1": {"x": 12, "y": 0, "w": 1, "h": 1}}, {"t1": 5}, []):
        assert layout(boards, board, wrong, 2).status == 422
    assert layout(boards, board, {"nobody": {"x": 0, "y": 0, "w": 1, "h": 1}}, 2).status == 200


def test_without_a_script_order_and_sizes_are_typed(boards):
    board = boards.add(
        value_tile(boards.roof, "a"), value_tile(boards.roof, "b", "t2"), value_tile(boards.roof, "c", "t3")
    )
    path = f"/admin/dashboards/{board.id}/layout"
    typed = {"version": "1", "order-t3": "0", "w-t3": "12", "h-t3": "4", "w-t1": "x", "h-t2": "99"}
    boards.browser.follow(boards.browser.post(path, typed))
    places = [(tile.id, tile.place) for tile in boards.content(board).tiles]
    assert places == [("t3", Place(0, 0, 12, 4)), ("t1", Place(0, 4, 3, 2)), ("t2", Place(3, 4, 3, 24))]
    boards.browser.follow(boards.browser.post(path, {"version": "2", "h-t3": "2"}))
    assert boards.content(board).tiles[0].place == Place(0, 0, 12, 2)
    assert boards.browser.post(path, {"version": "2"}).status == 409


def test_it_is_deleted_after_its_name_was_typed(boards):
    board = boards.add(name="Wall")
    token = boards.share(board)
    path = f"/admin/dashboards/{board.id}/delete"
    wrong = boards.browser.post(path, {"name": "wall"})
    assert (wrong.status, "Nothing was deleted" in words_of(wrong)) == (422, True)
    assert boards.now(board).name == "Wall"
    assert boards.browser.post(path, {"name": " Wall "}).headers["location"] == "/admin/dashboards"
    assert boards.browser.get(f"/admin/dashboards/{board.id}").status == 404
    assert boards.site.get(f"/shared/{token}").status == 404


def test_a_link_is_made_shown_once_and_withdrawn(boards):
    board = boards.add(value_tile(boards.roof, "a"))
    path = f"/admin/dashboards/{board.id}"
    answer = boards.browser.post(f"{path}/share", {})
    text = text_of(answer)
    token = text.partition("/shared/")[2].split()[0]
    assert "shown now and never again" in text
    assert token not in boards.browser.get(f"{path}/edit").body.decode()
    assert boards.site.get(f"/shared/{token}").status == 200
    assert "shared by link" in text_of(boards.browser.get("/admin/dashboards"))
    boards.browser.follow(boards.browser.post(f"{path}/withdraw", {}))
    assert boards.site.get(f"/shared/{token}").status == 404
