from __future__ import annotations

import csv
import io
import json
from array import array

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.history_text import csv_lines, json_chunks, jsonl_lines
from nikdev_iot.client.series import HistoryBuilder
from nikdev_iot.model.times import to_time_us
from nikdev_iot.wire.columns import columns_from_rows
from nikdev_iot.wire.page import Page

FIELDS = ("f", 'g "x"', "h")
VALUES = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]))
)
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1))


def _page(rows, start=0):
    times = array("q", range(start, start + len(rows)))
    return Page(times, columns_from_rows([tuple(row.items()) for row in rows]))


def _csv_text(value):
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)


@given(ROWS, ROWS)
def test_csv_can_be_read_by_any_reader(first, second):
    pages = [_page(first), _page(second, len(first))]
    text = "".join(f"{line}\n" for line in csv_lines(pages, FIELDS))
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert lines[0] == ["time", *FIELDS]
    for number, (line, row) in enumerate(zip(lines[1:], first + second, strict=True)):
        assert to_time_us(line[0]) == number
        assert line[1:] == [_csv_text(row[name]) if name in row else "" for name in FIELDS]


@given(ROWS)
def test_json_lines_keep_values_and_kinds(rows):
    found = [json.loads(line) for line in jsonl_lines([_page(rows)])]
    for number, (line, row) in enumerate(zip(found, rows, strict=True)):
        assert line["time_us"] == number
        assert {name: (type(value), value) for name, value in line["values"].items()} == {
            name: (type(value), value) for name, value in row.items()
        }


@given(ROWS)
def test_json_keeps_values_and_kinds(rows):
    builder = HistoryBuilder(FIELDS)
    builder.add(_page(rows))
    found = json.loads("".join(json_chunks(builder.finish())))["fields"]
    assert list(found) == list(FIELDS)
    for name in FIELDS:
        expected = [(time, row[name]) for time, row in enumerate(rows) if name in row]
        assert found[name]["times_us"] == [time for time, _ in expected]
        assert [(type(v), v) for v in found[name]["values"]] == [(type(v), v) for _, v in expected]


def test_long_histories_are_written_in_parts():
    builder = HistoryBuilder(("f",))
    builder.add(Page(array("q", range(25_000)), columns_from_rows([(("f", n),) for n in range(25_000)])))
    chunks = list(json_chunks(builder.finish()))
    assert max(map(len, chunks)) < 100_000
    assert json.loads("".join(chunks))["fields"]["f"]["values"] == list(range(25_000))
