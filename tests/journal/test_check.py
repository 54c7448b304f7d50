from __future__ import annotations

import struct
import uuid

import pytest

from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import JournalError

from .test_sent import send


@pytest.fixture
def used(path, clock):
    """A journal with something of everything."""
    with Journal.open(path, clock=clock, new_uuid=lambda: uuid.UUID(int=7)) as journal:
        for at in range(1, 11):
            journal.commit({"f": at / 3, "n": at, "b": at % 2 == 0, "t": "ü" * at})
        journal.set_rejected({2: "no", 9: "no"})
        journal.settle(send(journal, 4).hash)
        send(journal, 2)
        journal.stage({"a": 1})
        assert journal.check() == []
        yield journal


def damage(journal, sql, *parameters):
    journal._database._connection.execute(sql, parameters)
    return " / ".join(map(str, journal.check()))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM commits WHERE id = 4", "rows 4 to 4 are missing"),
        ("DELETE FROM commits WHERE id IN (6, 7)", "rows 6 to 7 are missing"),
        ("UPDATE commits SET id = 9223372036854775807 WHERE id = 10", "row is number 9223372036854775807, which no"),
        ("UPDATE commits SET body = x'00' WHERE id = 5", "content of row 5 cannot be read"),
        ("UPDATE commits SET body = zeroblob(43) WHERE id = 5", "cannot be read: row 5: 11 bytes too many"),
        ("UPDATE commits SET shape = 77 WHERE id = 5", "content of row 5 cannot be read"),
        ("UPDATE commits SET shape = NULL WHERE id = 5", "content of row 5 cannot be read"),
        ("UPDATE commits SET time_us = 'soon' WHERE id = 5", "content of row 5 cannot be read"),
        ("UPDATE shapes SET spec = '[' WHERE id = 1", "content of row 1 cannot be read"),
        ("UPDATE holes SET last = 99 WHERE first = 9", "range 9 to 99"),
        ("UPDATE holes SET kind = 42 WHERE first = 9", "range 9 to 9"),
        ("INSERT INTO holes VALUES (1, 3, 1, '', 0, NULL)", "range 2 to 2"),
        ("UPDATE origins SET acked = 99", "Commit 99 is marked as acknowledged, and the newest is 10"),
        ("UPDATE origins SET acked = 3", "packs sent end at commit 5, and 3 is marked"),
        ("UPDATE origins SET acked_hash = x'00'", "packs sent end at commit 5"),
        ("DELETE FROM packs WHERE settled_us IS NOT NULL", "packs sent end at commit 0"),
        ("UPDATE packs SET first = 7 WHERE settled_us IS NULL", "sent pack 2 (commits 7 on)"),
        ("UPDATE packs SET count = 50 WHERE settled_us IS NULL", "sent pack 2 (commits 6 on)"),
        ("UPDATE packs SET gaps = '[[1,1,\"\"]]' WHERE settled_us IS NULL", "sent pack 2 (commits 6 on)"),
        ("UPDATE packs SET gaps = '?' WHERE settled_us IS NOT NULL", "sent pack 1 (commits 1 on)"),
        ("UPDATE packs SET parent = x'' WHERE settled_us IS NULL", "sent pack 2 (commits 6 on)"),
        ("UPDATE staged SET body = x''", "staged row 1 cannot be read"),
        ("DELETE FROM origins", "no origin"),
        ("UPDATE origins SET uuid = x'01'", "Origin 1 is not well formed"),
    ],
)
def test_what_is_wrong_is_named(used, sql, said):
    # What is known by heart would hide a damaged table.
    used._book._by_id.clear()
    assert said in damage(used, sql)


def test_a_value_that_could_never_be_committed_is_found(used):
    (body,) = used._database._connection.execute("SELECT body FROM commits WHERE id = 3").fetchone()
    nan = struct.pack("<d", float("nan")) + body[8:]
    assert "Row 3 has a value of 'f' that is not finite" in damage(
        used, "UPDATE commits SET body = ? WHERE id = 3", nan
    )
    two = body[:16] + struct.pack("<q", 2) + body[24:]
    assert "content of row 3 cannot be read: row 3: the bool 2" in damage(
        used, "UPDATE commits SET body = ? WHERE id = 3", two
    )


def test_a_page_of_the_file_that_was_overwritten_is_found(path):
    with Journal.open(path) as journal:
        journal.commit_many((at, {"a": at, "t": "x" * 100}, None) for at in range(2000))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with Journal.open(path) as journal:
        assert journal.check() != []
        with pytest.raises(JournalError, match="damaged"):
            journal.next_pack(max_commits=5000, max_bytes=1 << 30)


def test_a_file_full_of_damage_is_not_listed_for_ever(path):
    with Journal.open(path) as journal:
        journal.commit_many((at, {"a": at}, None) for at in range(500))
        problems = damage(journal, "UPDATE commits SET body = x''")
    assert problems.count("cannot be read") == 100
    assert "More than 100 problems" in problems


def test_a_page_with_ids_of_elsewhere_hides_no_row_behind_it(path):
    with Journal.open(path, durability="normal") as journal:
        journal.commit_many((at, {"t": f"{at:0800}"}, None) for at in range(1, 401))
        assert journal.check() == []
    data = path.read_bytes()
    pages = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    leaf = {}  # of what commits, which page
    for number, page in enumerate(pages):
        for at in range(1, 401):
            if page[0] == 13 and f"{at:0800}".encode() in page:
                leaf[at] = number
    first, last = min(at for at in leaf if leaf[at] == leaf[144]), max(at for at in leaf if leaf[at] == leaf[144])
    for other in (1, 399):  # a page of before, and one of after
        pages[leaf[144]] = pages[leaf[other]]
        path.write_bytes(b"".join(pages))
        with Journal.open(path) as journal:
            said = [problem.what for problem in journal.check()]
        assert [line for line in said if "missing" in line] == [f"The rows {first} to {last} are missing."]
