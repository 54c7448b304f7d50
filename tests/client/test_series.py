from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.series import History, HistoryBuilder, Series
from nikdev_iot.model.values import Kind, Value
from nikdev_iot.wire.columns import columns_from_rows
from nikdev_iot.wire.page import Page, decode_page, encode_page

Row = tuple[int, dict[str, Value]]


def page(rows: list[Row]) -> Page:
    return Page(array("q", [us for us, _ in rows]), columns_from_rows([tuple(row.items()) for _, row in rows]))


def built(*pages: list[Row], field_ids: tuple[str, ...] = ()) -> History:
    builder = HistoryBuilder(field_ids)
    for rows in pages:
        builder.add(decode_page(encode_page(page(rows))))
    return builder.finish()


def test_a_field_in_every_row_shares_the_times() -> None:
    history = built([(1, {"a": 1.5, "b": 1}), (2, {"a": 2.5, "b": 2})], [(2, {"a": 3.5, "b": 3})])
    assert history["a"].rows is None
    assert history["a"].times_us is history["b"].times_us
    assert list(history["a"]) == [(1, 1.5), (2, 2.5), (2, 3.5)]
    assert history["b"].values == [1, 2, 3]
    assert history.row_times_us == array("q", [1, 2, 2])


def test_a_field_that_comes_and_goes() -> None:
    history = built(
        [(1, {"a": 1}), (2, {"a": 2, "b": True})],
        [(3, {"b": False})],
        [(4, {"a": 4})],
        [(5, {"a": 5, "b": True}), (6, {"a": 6})],
    )
    assert list(history["a"]) == [(1, 1), (2, 2), (4, 4), (5, 5), (6, 6)]
    assert list(history["b"]) == [(2, True), (3, False), (5, True)]
    assert [type(value) for value in history["b"].values] == [bool] * 3


def test_kinds() -> None:
    history = built([(1, {"i": 1, "f": 1.0, "b": True, "s": "x", "mixed": 1}), (2, {"mixed": 1.0})])
    assert {name: series.kind for name, series in history.items()} == {
        "i": Kind.INT,
        "f": Kind.FLOAT,
        "b": Kind.BOOL,
        "s": Kind.TEXT,
        "mixed": None,
    }
    for name, kind in {"i": Kind.INT, "b": Kind.BOOL, "f": Kind.FLOAT}.items():
        assert history[name].values  # the list takes the place of the array
        assert history[name].kind is kind


def test_a_field_asked_for_without_values() -> None:
    history = built([(1, {"a": 1})], field_ids=("z", "a"))
    assert list(history) == ["z", "a"]
    assert (history["z"].times_us, history["z"].values, len(history["z"]), history["z"].kind) == ([], [], 0, None)
    assert "z" in history
    assert len(history) == 2
    assert repr(history) == "<History {'z': 0 values, 'a': 1 values}>"
    assert repr(history["a"]) == "<Series 'a', 1 values>"


def test_a_series_of_ones_own() -> None:
    series = Series.of("a", [1, 2], [1.5, "x"])
    assert list(series) == [(1, 1.5), (2, "x")]


values = st.one_of(
    st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=3)
).filter(lambda value: value not in {float("inf"), float("-inf")})
rows = st.lists(st.tuples(st.integers(0, 5), st.dictionaries(st.sampled_from("abc"), values, min_size=1)), max_size=8)


@given(st.lists(rows, max_size=5))
def test_any_pages_make_the_history_of_their_rows(pages: list[list[Row]]) -> None:
    history = built(*pages)
    everything = [row for rows in pages for row in rows]
    assert list(history.row_times_us) == [us for us, _ in everything]
    assert set(history) == {name for _, row in everything for name in row}
    for name, series in history.items():
        expected = [(us, row[name]) for us, row in everything if name in row]
        assert [(us, repr(value)) for us, value in series] == [(us, repr(value)) for us, value in expected]
        at = range(len(everything)) if series.rows is None else series.rows
        assert list(at) == [number for number, (_, row) in enumerate(everything) if name in row]
