from __future__ import annotations

import time
import uuid
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import spec_reader, strategies

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.errors import Malformed, TooLarge, Unsupported, WireError
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.wire import cbor
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits
from nikdev_iot.wire.pack import (
    NO_PACK,
    Pack,
    decode_content,
    encode_content,
    encode_frame,
    hash_content,
    pack_from_commits,
)

ORIGIN = uuid.UUID("0a1b2c3d-4e5f-4a6b-8c7d-9e0fa1b2c3d4")
NOW_US = 1_795_340_000_000_000


def small_pack() -> Pack:
    return pack_from_commits(
        ORIGIN,
        [
            Commit(1, NOW_US, (("t", 21.5), ("n", 7), ("on", True), ("s", "nil"))),
            Commit(2, NOW_US, (("t", 21), ("on", False)), "by hand", shift_us=-5, uncertain=True),
            Commit(5, NOW_US + 1, (("t", 22.5),)),
        ],
        parent=NO_PACK,
        gaps=[Gap(3, 2, "discarded by the user")],
    )


def content_with(**changes: object) -> bytes:
    """The small pack with some items replaced; None takes one out."""
    top = cbor.loads(encode_content(small_pack())) | changes
    return cbor.dumps({key: item for key, item in top.items() if item is not None})


# -- there and back --------------------------------------------------------------------------------


@given(strategies.packs())
def test_a_pack_is_read_as_it_was_written(pack):
    content = encode_content(pack)
    found = decode_content(content)
    assert found == pack
    assert strategies.same_columns(found.columns, pack.columns)
    assert encode_content(found) == content == encode_content(pack)


@given(strategies.packs(), strategies.epochs, st.integers(0, 9))
def test_a_reader_made_from_the_specification_alone_agrees(pack, epoch, level):
    body = encode_frame(encode_content(pack), epoch=epoch, level=level)
    found_epoch, content = spec_reader.read_frame(body)
    top, commits = spec_reader.read_commits(content)
    assert found_epoch == epoch
    assert (top["origin"], top["first"], top["count"], top["parent"]) == (
        pack.origin.bytes,
        pack.first,
        pack.count,
        pack.parent,
    )
    assert [(gap.first, gap.count, gap.reason) for gap in pack.gaps] == [tuple(gap) for gap in top.get("gaps", [])]
    for ours, theirs in zip(pack.commits(), commits, strict=True):
        assert (ours.number, ours.time_us, ours.message, ours.shift_us, ours.uncertain) == (
            theirs["number"],
            theirs["time_us"],
            theirs.get("message"),
            theirs.get("shift_us", 0),
            theirs.get("uncertain", False),
        )
        exactly = {field_id: (type(value), repr(value)) for field_id, value in ours.values}
        assert exactly == {field_id: (type(value), repr(value)) for field_id, value in theirs["values"].items()}
    assert pack.digests() == [(commit["number"], spec_reader.digest(commit)) for commit in commits]


def test_each_value_keeps_its_kind_and_its_place():
    commits = decode_content(encode_content(small_pack())).commits()
    assert [commit.number for commit in commits] == [1, 2, 5]
    assert [dict(commit.values) for commit in commits] == [
        {"t": 21.5, "n": 7, "on": True, "s": "nil"},
        {"t": 21, "on": False},
        {"t": 22.5},
    ]
    assert type(dict(commits[1].values)["t"]) is int
    assert (commits[1].message, commits[1].effective_time_us, commits[1].uncertain) == ("by hand", NOW_US - 5, True)


def test_numbers_and_times_that_count():
    pack = small_pack()
    assert (pack.first, pack.last, pack.row_count) == (1, 5, 3)
    assert pack.numbers().tolist() == [1, 2, 5]
    assert pack.effective_times().tolist() == [NOW_US, NOW_US - 5, NOW_US + 1]
    assert pack.times.tolist() == [NOW_US, NOW_US, NOW_US + 1]


def test_a_pack_of_gaps_alone():
    pack = pack_from_commits(ORIGIN, [], parent=NO_PACK, gaps=[Gap(7, 2**62, "evicted")])
    found = decode_content(encode_content(pack))
    assert (found.row_count, found.first, found.last, found.commits()) == (0, 7, 2**62 + 6, [])


def test_the_bytes_of_a_pack_never_change():
    # What devices have hashed and servers have stored: a change here needs another version of the format.
    content = encode_content(small_pack())
    assert hash_content(content).hex() == "d511b46f87d9c5f7155406b171ad4a3a35f921caa5feec4bba4e48e3dddb03bf"
    assert [digest.hex() for _, digest in small_pack().digests()] == [
        "1ef0c9b7a29784729ff97ab181d5da25",
        "43023932495e38f446ba58217a8a8f01",
        "25f36264e6fcc974babd69cbb36b0f67",
    ]


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ([], []),
        ([0], []),
        ([1, 3], []),
        ([2, 1], []),
        ([1, 1], []),
        ([1, 4], [Gap(2, 1, "")]),
        ([1, 2], [Gap(2, 1, "")]),
        ([3], [Gap(1, 1, "")]),
    ],
)
def test_commits_that_do_not_follow_one_another_make_no_pack(numbers, gaps):
    with pytest.raises(ValueError, match="follow"):
        pack_from_commits(ORIGIN, [Commit(number, 0, ()) for number in numbers], parent=NO_PACK, gaps=gaps)


@pytest.mark.parametrize("change", [{"parent": b""}, {"first": 0}, {"count": 0}])
def test_what_cannot_be_a_pack_is_not_written(change):
    with pytest.raises(ValueError, match="not a pack"):
        encode_content(replace(small_pack(), **change))


# -- from anyone -----------------------------------------------------------------------------------


def int64s(*items: int) -> array[int]:
    return array("q", items)


def rows(*items: int) -> array[int]:
    return array("I", items)


def floats(*items: float) -> array[float]:
    return array("d", items)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"v": 2}, Unsupported),
        ({"v": "1"}, Unsupported),
        ({"v": [[]] * 100_000}, Malformed),
        ({"v": None}, Unsupported),
        ({"w": 1}, Unsupported),
        ({"origin": None}, Malformed),
        ({"origin": b"short"}, Malformed),
        ({"origin": "x" * 16}, Malformed),
        ({"parent": bytes(31)}, Malformed),
        ({"first": None}, Malformed),
        ({"first": 0}, Malformed),
        ({"first": -1}, Malformed),
        ({"first": "1"}, Malformed),
        ({"first": 2**63 - 5}, Malformed),
        ({"first": 2**64 - 1}, Malformed),
        ({"count": 0}, Malformed),
        ({"count": 4}, Malformed),
        ({"count": 6}, Malformed),
        ({"count": 2**62}, TooLarge),
        ({"count": 2**64 - 1}, Malformed),
        ({"count": None}, Malformed),
        ({"times": None}, Malformed),
        ({"times": int64s(1, 2)}, Malformed),
        ({"times": int64s(1, 2, 3, 4)}, Malformed),
        ({"times": [1, 2, 3]}, Malformed),
        ({"times": rows(1, 2, 3)}, Malformed),
        ({"times": int64s(1, 2, MAX_TIME_US + 1)}, Malformed),
        ({"times": int64s(1, MIN_TIME_US - 1, 2)}, Malformed),
        ({"gaps": [[3, 3, "x"]]}, Malformed),
        ({"gaps": [[0, 2, "x"]]}, Malformed),
        ({"gaps": [[3, 0, "x"]]}, Malformed),
        ({"gaps": [[3, -1, "x"]]}, Malformed),
        ({"gaps": [[3, 2**63, "x"]]}, Malformed),
        ({"gaps": [[4, 1, "x"], [3, 1, "x"]]}, Malformed),
        ({"gaps": [[3, 1, "x"], [3, 1, "x"]]}, Malformed),
        ({"gaps": [[3, 2, 5]]}, Malformed),
        ({"gaps": [[3, 2]]}, Malformed),
        ({"gaps": [[3, 2, "å" * 40_000]]}, Malformed),
        ({"gaps": [[3, 1, ""]] * 65_537}, TooLarge),
        ({"gaps": 5}, Malformed),
        ({"messages": [[3, "x"]]}, Malformed),
        ({"messages": [[-1, "x"]]}, Malformed),
        ({"messages": [[1, "x"], [1, "y"]]}, Malformed),
        ({"messages": [[1, "x"], [0, "y"]]}, Malformed),
        ({"messages": [[1, 5]]}, Malformed),
        ({"messages": [[1, "x" * 65_537]]}, Malformed),
        ({"messages": {"1": "x"}}, Malformed),
        ({"shifts": [rows(3), int64s(1)]}, Malformed),
        ({"shifts": [rows(1, 0), int64s(1, 1)]}, Malformed),
        ({"shifts": [rows(0, 1), int64s(1)]}, Malformed),
        ({"shifts": [rows(0), int64s(2**63 - 1)]}, Malformed),
        ({"shifts": [rows(0), int64s(-(2**63))]}, Malformed),
        ({"shifts": [rows(0)]}, Malformed),
        ({"shifts": [[0], [1]]}, Malformed),
        ({"uncertain": rows(3)}, Malformed),
        ({"uncertain": rows(1, 1)}, Malformed),
        ({"uncertain": int64s(1)}, Malformed),
        ({"columns": None}, Malformed),
        ({"columns": {}}, Malformed),
    ],
    ids=lambda item: repr(item)[:40],
)
def test_what_breaks_a_rule_is_refused(changes, error):
    with pytest.raises(WireError) as caught:
        decode_content(content_with(**changes))
    assert type(caught.value) is error
    assert len(str(caught.value)) < 500


def test_columns_without_commits_are_refused():
    gone = pack_from_commits(ORIGIN, [], parent=NO_PACK, gaps=[Gap(1, 5, "")])
    top = cbor.loads(encode_content(gone)) | {"columns": [["t", None, floats()]]}
    with pytest.raises(Malformed, match="without a commit"):
        decode_content(cbor.dumps(top))


def test_the_version_comes_first_and_no_key_twice():
    top = cbor.loads(encode_content(small_pack()))
    late = {key: top[key] for key in [*list(top)[1:], "v"]}
    with pytest.raises(Unsupported, match="first key"):
        decode_content(cbor.dumps(late))
    parts = [cbor.text(key) + cbor.dumps(item) for key, item in top.items()]
    with pytest.raises(Malformed, match="twice"):
        decode_content(cbor.head(cbor.MAP, len(parts) + 1) + b"".join(parts) + parts[1])


def test_the_other_keys_come_in_any_order():
    top = cbor.loads(encode_content(small_pack()))
    turned = {key: top[key] for key in ["v", *reversed(list(top)[1:])]}
    assert decode_content(cbor.dumps(turned)) == small_pack()


def test_limits():
    content = encode_content(small_pack())
    assert decode_content(content, Limits(commits=3, columns=5, items=200)) == small_pack()
    for limits in (Limits(commits=2), Limits(columns=4), Limits(items=20)):
        with pytest.raises(TooLarge):
            decode_content(content, limits)


def test_a_count_beyond_imagination_costs_nothing():
    huge = content_with(count=2**62, gaps=[[3, 2**62 - 3, ""]])
    found = decode_content(huge)
    assert (found.row_count, found.last) == (3, 2**62)
    assert found.numbers().tolist() == [1, 2, 2**62]


def test_values_are_counted_over_all_columns_and_bools_as_well():
    columns = [Column(f"f{n}", None, array("B", bytes(3_000))) for n in range(1_398)]
    columns.append(Column("last", array("I", range(305)), array("B", bytes(305))))
    with pytest.raises(TooLarge, match="4194305 values; the limit is 4194304") as caught:
        decode_content(encode_content(pack_of(3_000, columns)))
    assert caught.value.limit == DEFAULT_LIMITS.values
    columns[-1] = Column("last", array("I", range(304)), array("B", bytes(304)))
    assert len(decode_content(encode_content(pack_of(3_000, columns))).columns) == 1_399


def pack_of(row_count, columns):
    times = array("q", [0]) * row_count
    return Pack(origin=ORIGIN, first=1, count=row_count, parent=NO_PACK, times=times, columns=tuple(columns))


MANY = 900_000
EMPTY_ARRAYS = cbor.head(cbor.ARRAY, MANY) + cbor.head(cbor.ARRAY, 0) * MANY
NOT_THERE = "in its place comes what would take long to encode item by item"


@pytest.mark.parametrize("key", ["v", "origin", "first", "times", "columns", "gaps", "messages", "shifts", "uncertain"])
@pytest.mark.parametrize(
    "item",
    [
        EMPTY_ARRAYS,
        cbor.head(cbor.ARRAY, 1) + cbor.head(cbor.ARRAY, 3) + cbor.dumps("") + cbor.NULL + EMPTY_ARRAYS,
        cbor.head(cbor.MAP, 1) + cbor.dumps("") + cbor.head(cbor.ARRAY, MANY) + cbor.dumps(0) * MANY,
        cbor.head(cbor.ARRAY, MANY) + cbor.dumps("x") * MANY,
    ],
    ids="abcd",
)
def test_what_does_not_belong_is_refused_before_it_is_read(key, item):
    content = content_with(**{key: NOT_THERE}).replace(cbor.dumps(NOT_THERE), item)
    assert len(content) > MANY
    begun = time.process_time()
    with pytest.raises(WireError):
        decode_content(content)
    assert time.process_time() - begun < 0.2


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    for body in (raw, encode_content(small_pack())[:20] + raw):
        with pytest.raises(WireError):
            decode_content(body)


@given(strategies.packs(), st.data())
def test_any_altered_content_is_read_or_refused(pack, data):
    raw = bytearray(encode_content(pack))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    read_or_refused(bytes(raw))


odd_items = st.recursive(
    st.none()
    | st.sampled_from([0, 1, -1, 2**63, 2**64 - 1, -(2**64), "", "t", "\x00", ",", " x", b"", bytes(16), bytes(32)])
    | st.sampled_from(
        [floats(), floats(1, 2, 3), floats(float("nan")), int64s(1, 2, 3), rows(0, 1, 2), array("B", [9])]
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@given(st.data())
def test_any_items_in_the_right_places_are_read_or_refused(data):
    key = data.draw(st.sampled_from(["first", "count", "times", "columns", "gaps", "messages", "shifts", "uncertain"]))
    item = data.draw(odd_items | st.lists(st.tuples(odd_items, odd_items, odd_items).map(list), max_size=3))
    read_or_refused(content_with(**{key: item}))


def read_or_refused(content: bytes) -> None:
    try:
        found = decode_content(content)
    except WireError:
        return
    # What was read is whole: it can be taken apart, and written so that it reads the same.
    found.digests()
    assert decode_content(encode_content(found)) == found
