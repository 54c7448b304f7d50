from __future__ import annotations

import uuid

import pytest

from nikdev_iot.journal import nextpack
from nikdev_iot.journal.holes import Hole, HoleKind
from nikdev_iot.model.commits import Gap
from nikdev_iot.model.errors import JournalError
from nikdev_iot.wire.pack import encode_content

PLENTY = {"max_commits": 100_000, "max_bytes": 1 << 30}


def fill(journal, count, values=lambda at: {"a": at}):
    journal.commit_many((at, values(at), None) for at in range(1, count + 1))


def numbers(pack):
    return list(pack.numbers())


def test_nothing_to_push(journal):
    assert journal.next_pack(**PLENTY) is None


def test_rejected_numbers_are_gaps_but_none_at_the_end(journal):
    fill(journal, 10)
    journal.set_rejected({1: "one", 4: "four", 5: "five", 10: "ten"})
    pack = journal.next_pack(**PLENTY)
    assert (pack.first, pack.last) == (1, 9)
    assert pack.gaps == (Gap(1, 1, "one"), Gap(4, 1, "four"), Gap(5, 1, "five"))
    assert numbers(pack) == [2, 3, 6, 7, 8, 9]
    assert list(pack.columns[0].data) == [2, 3, 6, 7, 8, 9]


def test_a_queue_of_rejected_commits_alone_is_no_pack(journal):
    fill(journal, 3)
    journal.set_all_unpushed_rejected("wrong key")
    assert journal.next_pack(**PLENTY) is None
    journal.commit({"a": 4})
    pack = journal.next_pack(**PLENTY)
    assert (pack.first, pack.last, pack.gaps) == (1, 4, (Gap(1, 3, "wrong key"),))


def test_max_commits_counts_commits_not_gaps(journal):
    fill(journal, 10)
    journal.set_rejected(dict.fromkeys((1, 2, 5), "no"))
    assert numbers(journal.next_pack(max_commits=3, max_bytes=1 << 20)) == [3, 4, 6]
    assert numbers(journal.next_pack(max_commits=0, max_bytes=1 << 20)) == [3]


@pytest.mark.parametrize(
    "values",
    [
        lambda at: {f"field{k}": at + k / 10 for k in range(10)},
        lambda at: {"text": "é" * (at % 300)},
        lambda at: {f"field{at % 7}": at, "common": 1.5},
        lambda at: {f"ü{at:060}": at},
    ],
)
@pytest.mark.parametrize("max_bytes", [2000, 20_000, 100_000])
def test_the_content_stays_below_max_bytes(journal, values, max_bytes):
    fill(journal, 3000, values)
    journal.set_rejected(dict.fromkeys(range(5, 3000, 50), "x" * 500))
    pack = journal.next_pack(max_commits=100_000, max_bytes=max_bytes)
    assert len(encode_content(pack)) <= max_bytes
    assert pack.row_count > 1
    if max_bytes > 2000 and pack.row_count * 2 < 2900:
        # Nor is it far from it, where most values are numbers: twice as many commits would not fit.
        longer = journal.next_pack(max_commits=pack.row_count * 2, max_bytes=1 << 30)
        assert len(encode_content(longer)) > max_bytes


def test_a_commit_that_is_too_large_comes_alone(journal):
    journal.commit({"t": "x" * 10_000})
    journal.commit({"a": 1})
    assert numbers(journal.next_pack(max_commits=100, max_bytes=500)) == [1]
    journal.set_rejected({1: "too large"})
    assert numbers(journal.next_pack(max_commits=100, max_bytes=5000)) == [2]


def test_a_large_one_behind_others_waits_for_the_next_pack(journal):
    journal.commit({"a": 1})
    journal.commit({"t": "x" * 10_000})
    assert numbers(journal.next_pack(max_commits=100, max_bytes=5000)) == [1]


def test_columns_are_bounded(journal):
    fill(journal, 10, lambda at: {f"f{at}": at, f"g{at}": at})
    assert numbers(journal.next_pack(**PLENTY, max_columns=6)) == [1, 2, 3]
    assert numbers(journal.next_pack(**PLENTY, max_columns=1)) == [1]


def test_a_row_that_is_missing_is_named(journal):
    fill(journal, 2000)
    journal._database._connection.execute("DELETE FROM commits WHERE id = 700")
    with pytest.raises(JournalError, match="row 700 is missing"):
        journal.next_pack(**PLENTY)
    journal._database._connection.execute(
        "INSERT INTO commits SELECT 700, 1, NULL, NULL, shape, body, NULL FROM commits LIMIT 1"
    )


def test_too_many_gaps_are_joined_where_they_touch():
    holes = [Hole(at, at, HoleKind.REJECTED, f"reason {at % 2}", 0) for at in range(1, 70_001)]
    assert nextpack.gaps_of(holes, 1, 100_000, base=0) == (Gap(1, 70_000, "several reasons"),)
    assert len(nextpack.gaps_of(holes[:50_000], 1, 100_000, base=0)) == 50_000


def test_gaps_survive_their_text():
    gaps = (Gap(1, 2, 'a "quoted", ü'), Gap(7, 1, ""))
    assert nextpack.text_to_gaps(nextpack.gaps_to_text(gaps)) == gaps
    for wrong in ("", "{}x", "[[1]]", "[1]"):
        with pytest.raises(ValueError):
            nextpack.text_to_gaps(wrong)


def test_gaps_with_the_same_reason_name_it_once():
    gaps = tuple(Gap(10 * at + 1, 9, "thinned out" if at % 3 else "2") for at in range(100))
    text = nextpack.gaps_to_text(gaps)
    assert nextpack.text_to_gaps(text) == gaps
    assert text.count("thinned out") == 1
    assert nextpack.text_to_gaps('[[1,2,"a"],[4,1,"a"]]') == (Gap(1, 2, "a"), Gap(4, 1, "a"))
    for wrong in ("[[1,2,7]]", "[[1,2]]", "7", '{"a":1}'):
        with pytest.raises(ValueError, match=r"."):
            nextpack.text_to_gaps(wrong)


@pytest.mark.parametrize("holes", [range(1, 40), range(1, 40, 2), [*range(1, 20), *range(30, 60, 3)]])
def test_many_holes_are_read_a_part_at_a_time(journal, monkeypatch, holes):
    monkeypatch.setattr(nextpack, "_LEAST_HOLES", 4)
    fill(journal, 60)
    journal.set_rejected({number: f"reason {number}" for number in holes})
    found, declared = [], []
    while (pack := journal.next_pack(max_commits=2, max_bytes=1 << 20)) is not None:
        found += numbers(pack)
        declared += [gap.first for gap in pack.gaps]
        journal.settle(journal.record_sent(pack, uuid.uuid4().bytes * 2).hash)
    assert found == [number for number in range(1, 61) if number not in holes]
    assert declared == list(holes)
