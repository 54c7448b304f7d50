from __future__ import annotations

import csv
import io
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import FIELDS, ORIGINS, exact, new_device, pack_lists, plain_values, rows_of_packs

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, to_time_us
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.csv_export import csv_buckets, csv_cell, csv_rows
from nikdev_iot.server.query.history import Window
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits


def read_cell(cell: str):
    """What a reader makes of an unquoted cell."""
    if cell in {"true", "false"}:
        return cell == "true"
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def cells(text: str) -> list[list[str]]:
    """Rows of cells as they are written, quotes and all."""
    rows, row, at = [], [], 0
    while at < len(text):
        end = at
        if text[at] == '"':
            end = at + 1
            while text[end] != '"' or text[end : end + 2] == '""':
                end += 2 if text[end] == '"' else 1
            end += 1
        else:
            while text[end] not in ",\r":
                end += 1
        row.append(text[at:end])
        if text[end] == ",":
            at = end + 1
            if text[at] == "\r":
                row.append("")
                end = at
        if text[end] == "\r":
            rows.append(row)
            row, at = [], end + 2
    return rows


@settings(max_examples=60, deadline=None)
@given(pack_lists(value=plain_values), st.integers(1, 5))
def test_every_commit_is_a_line_with_exact_kinds(storage, packs, chunk):
    device_id = new_device(storage, packs)
    reader = Reader(storage)

    def read(after):
        return reader.rows(Window(device_id=device_id, after=after), limit=chunk)

    text = b"".join(csv_rows(read, FIELDS)).decode()
    header, *lines = cells(text)
    assert header == ["time", *FIELDS]
    rows = rows_of_packs(packs)
    assert len(lines) == len(rows)
    for (time, *line), row in zip(lines, rows, strict=True):
        assert len(time) == len("2026-11-22T09:30:00.000000Z")
        assert to_time_us(time) == row.time_us
        for field_id, cell in zip(FIELDS, line, strict=True):
            assert cell == csv_cell(row.values.get(field_id))
            if cell and not cell.startswith('"'):
                assert exact(read_cell(cell)) == exact(row.values[field_id])
    # Any CSV reader agrees on the texts.
    for line, row in zip(list(csv.reader(io.StringIO(text, newline="")))[1:], rows, strict=True):
        for field_id, cell in zip(FIELDS, line[1:], strict=True):
            if isinstance(row.values.get(field_id), str):
                assert cell == row.values[field_id]


def test_a_header_always_comes_and_is_quoted_where_it_must_be(storage):
    device_id = new_device(storage)
    reader = Reader(storage)
    text = b"".join(csv_rows(lambda _: reader.rows(Window(device_id=device_id), limit=5), ['a "b"', "é"])).decode()
    assert text == 'time,"a ""b""",é\r\n'


def test_times_of_all_years(storage):
    commits = [Commit(1, MIN_TIME_US, (("a", 1),)), Commit(2, -1, (("a", 2),)), Commit(3, MAX_TIME_US, (("a", 3),))]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    reader = Reader(storage)
    text = b"".join(
        csv_rows(lambda after: reader.rows(Window(device_id=device_id, after=after), limit=5), ["a"])
    ).decode()
    assert text.splitlines()[1:] == [
        "0001-01-01T00:00:00.000000Z,1",
        "1969-12-31T23:59:59.999999Z,2",
        "9999-12-31T23:59:59.999999Z,3",
    ]


def buckets_text(storage, device_id, aggregates, limit=5):
    reader = Reader(storage)

    def read(after):
        window = Window(device_id=device_id, after=after)
        return reader.buckets(window, every_us=60_000_000, aggregates=aggregates, limit=limit, field_count=2)

    return b"".join(csv_buckets(read, ["a", "b"], aggregates)).decode()


def test_buckets_are_lines_and_several_aggregates_are_columns(storage):
    commits = [Commit(n + 1, n * 30_000_000, (("a", n), ("b", "x")) if n < 3 else (("a", n / 2),)) for n in range(20)]
    device_id = new_device(storage, [pack_from_commits(ORIGINS[0], commits, parent=NO_PACK)])
    lines = buckets_text(storage, device_id, [Aggregate.MEAN]).splitlines()
    assert lines[:4] == [
        "time,a,b",
        "1970-01-01T00:00:00.000000Z,0.5,",
        "1970-01-01T00:01:00.000000Z,1.75,",
        "1970-01-01T00:02:00.000000Z,2.25,",
    ]
    assert len(lines) == 11
    lines = buckets_text(storage, device_id, [Aggregate.COUNT, Aggregate.LAST], limit=1).splitlines()
    assert lines[:4] == [
        "time,a:count,a:last,b:count,b:last",
        '1970-01-01T00:00:00.000000Z,2,1,2,"x"',
        '1970-01-01T00:01:00.000000Z,2,1.5,1,"x"',
        "1970-01-01T00:02:00.000000Z,2,2.5,,",
    ]


def test_memory_does_not_grow_with_the_history(storage):
    def peak(packs):
        device_id = new_device(
            storage,
            [
                pack_from_commits(
                    ORIGINS[0],
                    [Commit(p * 2000 + n + 1, p * 2000 + n, (("a", n), ("b", n / 7))) for n in range(2000)],
                    parent=NO_PACK,
                )
                for p in range(packs)
            ],
        )
        reader = Reader(storage, cache_bytes=100_000)
        tracemalloc.start()
        size = sum(
            map(
                len,
                csv_rows(lambda after: reader.rows(Window(device_id=device_id, after=after), limit=1000), ["a", "b"]),
            )
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    small_size, small = peak(2)
    large_size, large = peak(20)
    assert large_size > 9 * small_size
    assert large < 1.5 * small
