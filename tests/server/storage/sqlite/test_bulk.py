from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.storage.sqlite.bulk import Bulk


@given(st.integers(0, 300))
def test_all_rows_arrive_in_order_with_few_statements(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    rows = [(number, f"n{number}") for number in range(count)]
    Bulk("INSERT INTO t (a, b)", 2, "ON CONFLICT DO NOTHING").run(connection.execute, rows)
    connection.set_trace_callback(None)
    assert connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == rows
    inserts = [statement for statement in statements if statement.startswith("INSERT")]
    assert len(inserts) == -(-count // 64)
    connection.close()


@given(st.integers(0, 300), st.integers(1, 7))
def test_what_it_finds_is_found_for_all_rows(count: int, every: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(0, count, every)])
    asked = Bulk("SELECT t.a FROM (", 1, ") AS asked CROSS JOIN t ON t.a = asked.column1")
    found = asked.all(connection.execute, [(number,) for number in range(count)])
    connection.close()
    assert found == [(number,) for number in range(0, count, every)]
