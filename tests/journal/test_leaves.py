"""Rows are read off the leaves of a damaged file, and nothing that lies there does harm."""

from __future__ import annotations

import io
import random
import sqlite3

import pytest

from nikdev_iot.journal.leaves import leaf_rows

PAGE = 1_024


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file with short rows and long ones, of each kind of value; the rows, and where the root of their tree is."""
    path = tmp_path_factory.mktemp("leaves") / "t.db"
    dice = random.Random(1)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)")
        connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, a)")
        for number in range(1, 400):
            whole = dice.choice([0, 1, -1, 127, -32_768, 1 << 20, -(1 << 30), 1 << 45, (1 << 63) - 1, None])
            long = dice.choice([b"", dice.randbytes(20), dice.randbytes(1_000), dice.randbytes(9_000)])
            connection.execute(
                "INSERT INTO t VALUES (?,?,?,?)",
                (number << dice.choice([0, 20, 54]), whole, long, dice.choice([1.5, "ö" * 300])),
            )
            connection.execute("INSERT INTO other (a) VALUES (?)", ("x" * 50,))
        rows = {row[0]: list(row[1:]) for row in connection.execute("SELECT * FROM t")}
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 't'").fetchone()
    connection.close()
    return path.read_bytes(), rows, root


def read(data, wanted=lambda _: True):
    return [
        (rowid, values[1:]) for rowid, values in leaf_rows(io.BytesIO(data), page_bytes=PAGE, columns=4, wanted=wanted)
    ]


def test_every_row_is_found_without_the_tree(made):
    data, rows, root = made
    data = data[: (root - 1) * PAGE] + bytes(PAGE) + data[root * PAGE :]
    found = read(data)
    assert len(found) == len(rows)
    assert dict(found) == rows


def test_only_those_that_are_wanted(made):
    data, rows, _ = made
    some = set(list(rows)[::7])
    assert dict(read(data, some.__contains__)) == {rowid: rows[rowid] for rowid in some}


@pytest.mark.parametrize("seed", range(8))
def test_damage_ends_nothing(made, seed):
    data, rows, _ = made
    dice, broken = random.Random(seed), bytearray(data)
    for _ in range(200):
        at = dice.randrange(len(broken))
        broken[at : at + 4] = dice.choice([dice.randbytes(4), b"\xff" * 4, bytes(4)])
    cut = bytes(broken[: dice.randrange(len(broken) // 2, len(broken))])
    assert len(read(cut)) <= 2 * len(rows)
    assert read(dice.randbytes(40) * 3) == []
