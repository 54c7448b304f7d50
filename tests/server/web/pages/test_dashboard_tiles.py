from __future__ import annotations

import uuid

import pytest
from tests.server.web.pages.boards import Boards, key, make_boards, value_tile
from tests.server.web.pages.forms import text_of, words_of

from nikdev_iot.server.dashboards import content
from nikdev_iot.server.dashboards.content import ChartTile, GaugeTile, Source, TextTile, ValueTile


@pytest.fixture
def boards(site) -> Boards:
    return make_boards(site)


@pytest.fixture
def board(boards):
    return boards.add()


@pytest.fixture
def path(board):
    return f"/admin/dashboards/{board.id}/tiles"


@pytest.mark.parametrize("kind", ["value", "gauge", "chart", "text"])
def test_each_kind_has_its_form(boards, path, kind):
    answer = boards.browser.get(f"{path}/new?kind={kind}&device={boards.roof}")
    assert answer.status == 200
    assert (f'value="{boards.roof}/a"'.encode() in answer.body) is (kind != "text")
    assert (b'type="checkbox"' in answer.body) is (kind == "chart")
    assert boards.browser.get(f"{path}/new?kind=video").status == 404


def test_tiles_of_all_kinds_are_added(boards, board, path):
    a, b = key(boards.roof, "a"), key(boards.cellar, "b")
    for form in (
        [("kind", "value"), ("source", a)],
        [("kind", "gauge"), ("source", a), ("min", "-1,5"), ("max", "9"), ("low", ""), ("high", "8")],
        [("kind", "chart"), ("source", a), ("source", b), ("source", a), ("title", "Both")],
        [("kind", "text"), ("text", " Ring Ada\r\nor Bob "), ("title", "Who")],
    ):
        page = boards.browser.follow(boards.browser.post(path, form))
        assert "Add" in page
    value, gauge, chart, text = sorted(boards.content(board).tiles, key=lambda tile: tile.id)
    assert isinstance(value, ValueTile)
    assert isinstance(gauge, GaugeTile)
    assert (gauge.min, gauge.max, gauge.low, gauge.high) == (-1.5, 9.0, None, 8.0)
    assert isinstance(chart, ChartTile)
    assert chart.sources == (Source(boards.roof, "a"), Source(boards.cellar, "b"))
    assert isinstance(text, TextTile)
    assert (text.title, text.text) == ("Who", "Ring Ada\nor Bob")


def test_what_is_wrong_is_said_beside_each_and_what_was_typed_is_kept(boards, board, path):
    wrong = {"kind": "gauge", "min": "x", "max": "", "low": "5", "high": "4", "title": "y" * 101}
    answer = boards.browser.post(path, wrong)
    assert answer.status == 422
    text = words_of(answer)
    for words in ("Choose a field.", "This is not a number.", "Write a number.", "has 101 characters"):
        assert words in text
    assert b'value="x"' in answer.body
    ok = {"kind": "gauge", "source": key(boards.roof, "a")}
    assert "end above where it begins" in words_of(boards.browser.post(path, {**ok, "min": "5", "max": "5"}))
    crossed = {**ok, "min": "0", "max": "9", "low": "5", "high": "4"}
    assert "below “too low below”" in words_of(boards.browser.post(path, crossed))
    assert "Write something." in words_of(boards.browser.post(path, {"kind": "text", "text": " "}))
    many = [("kind", "chart"), *(("source", key(uuid.uuid4(), "a")) for _ in range(9))]
    assert "shows 8 at most" in words_of(boards.browser.post(path, many))
    assert boards.content(board).tiles == ()


def test_another_devices_fields_are_looked_at_and_the_chosen_ones_stay(boards, path):
    chosen = key(boards.roof, "a")
    form = [("kind", "chart"), ("source", chosen), ("device", str(boards.cellar)), ("look", "1"), ("title", "Both")]
    answer = boards.browser.post(path, form)
    assert answer.status == 200
    body = answer.body.decode()
    assert f'value="{chosen}" checked' in body
    assert f'value="{boards.cellar}/a">' in body
    assert 'value="Both"' in body
    assert "of Roof" in text_of(answer)


def test_another_accounts_devices_are_neither_listed_nor_named(boards, path):
    other = make_boards(boards.site)
    boards.site.services.devices.update(other.roof, name="Hidden lair")
    form = [("kind", "chart"), ("source", key(other.roof, "a")), ("device", str(other.roof)), ("look", "1")]
    for answer in (boards.browser.post(path, form), boards.browser.get(f"{path}/new?device={other.roof}")):
        assert b"lair" not in answer.body


def test_a_tile_is_changed_unless_somebody_else_was_faster(boards):
    board = boards.add(value_tile(boards.roof, "a"), value_tile(boards.roof, "b", "t2"))
    path = f"/admin/dashboards/{board.id}/tiles/t1"
    assert f'value="{boards.roof}/a" checked'.encode() in boards.browser.get(path).body
    form = {"version": "1", "source": key(boards.cellar, "b"), "title": "Mine"}
    boards.browser.follow(boards.browser.post(path, form))
    assert boards.content(board).tiles[0].title == "Mine"
    answer = boards.browser.post(path, {**form, "title": "Late"})
    assert answer.status == 409
    assert "What you typed is still here" in words_of(answer)
    assert b'value="Late"' in answer.body
    assert b'name="version" value="2"' in answer.body
    assert boards.content(board).tiles[0].title == "Mine"
    boards.browser.follow(boards.browser.post(path, {**form, "title": "Late", "version": "2"}))
    assert boards.content(board).tiles[0].title == "Late"
    looked = boards.browser.post(path, {**form, "look": "1", "device": str(boards.roof)})
    assert b'name="version" value="1"' in looked.body  # looking does not make it newer
    assert boards.browser.post(path, {**form, "source": "", "version": "3"}).status == 422


def test_a_tile_is_taken_away_whatever_else_was_changed(boards):
    board = boards.add(value_tile(boards.roof, "a"), value_tile(boards.roof, "b", "t2"))
    path = f"/admin/dashboards/{board.id}/tiles"
    boards.browser.follow(boards.browser.post(f"{path}/t1/remove", {}))
    assert [tile.id for tile in boards.content(board).tiles] == ["t2"]
    assert boards.browser.get(f"{path}/t1").status == 404
    assert boards.browser.post(f"{path}/t1/remove", {}).status == 404


def test_there_are_so_many_tiles_at_most(boards, monkeypatch):
    monkeypatch.setattr(content, "MAX_TILES", 1)
    board = boards.add(value_tile(boards.roof, "a"))
    answer = boards.browser.post(f"/admin/dashboards/{board.id}/tiles", {"kind": "text", "text": "one more"})
    assert (answer.status, "at most 1 tiles" in words_of(answer)) == (422, True)
