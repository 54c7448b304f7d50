from __future__ import annotations

import tracemalloc
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.pushing import entries_body

from nikdev_iot.model.errors import Malformed, TooLarge
from nikdev_iot.model.values import Kind
from nikdev_iot.server.ingest.entries import EntriesPush, entries_origin, entries_refused, pack_of_entries, read_entries
from nikdev_iot.server.ingest.fields import FieldsRefused
from nikdev_iot.server.storage.records import Device
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import decode_content, decompress, hash_content

DEVICE = Device(id=uuid.UUID(int=1), account_id=uuid.UUID(int=2), name="a", created_us=0)
KEY = uuid.UUID(int=4)


def read(body: bytes, limits: Limits = DEFAULT_LIMITS) -> EntriesPush | None:
    return read_entries(body, device=DEVICE, key_id=KEY, limits=limits, received_us=7_000_000)


def commits_of(stored):
    return decode_content(decompress(stored.payload, stored.codec, stored.content_bytes)).commits()


def test_entries_are_read_with_their_kinds():
    push = read(entries_body((5, {"a": 1, "b": 2.0}), (6, {"a": True, "c": "x"}), sent_s=8))
    assert push is not None
    assert [entry.values for entry in push.entries] == [(("a", 1), ("b", 2.0)), (("a", True), ("c", "x"))]
    assert push.brought_set == {("a", Kind.INT), ("b", Kind.FLOAT), ("a", Kind.BOOL), ("c", Kind.TEXT)}
    assert len(push.entry_keys) == len(set(push.entry_keys)) == 2
    assert (push.sent_us, push.received_us, push.key_id) == (8_000_000, 7_000_000, KEY)
    assert push.key == (DEVICE.id, entries_origin(DEVICE.id))
    assert push.value_count == 4


def test_the_same_reading_twice_in_a_request_has_two_keys_and_a_retry_has_the_same():
    body = entries_body((5, {"a": 1}), (5, {"a": 1}))
    first, again = read(body), read(body)
    assert first is not None
    assert again is not None
    assert first.entry_keys == again.entry_keys
    assert len(set(first.entry_keys)) == 2
    longer = read(entries_body((5, {"a": 1}), (5, {"a": 1}), (5, {"a": 1})))
    assert longer is not None
    assert longer.entry_keys[:2] == first.entry_keys
    assert longer.entry_keys[2] not in first.entry_keys


def test_nothing_but_empty_entries_is_nothing():
    assert read(entries_body()) is None
    assert read(entries_body((5, {}))) is None


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 100_000, "body"),
        (b"NaN", "body"),
        (b"[]", "JSON object"),
        (b'{"entries": 5}', "entries"),
        (b'{"entries": [{"timestamp": "x", "values": []}]}', "entries[0].timestamp"),
        (b'{"entries": [{"timestamp": 5, "values": [{"a": 1}]}, {"timestamp": 5, "values": [{"a": null}]}]}',
         "entries[1].values[0]"),
        (b'{"entries": [{"timestamp": 5, "values": [{"a": 99999999999999999999}]}]}', "entries[0].values[0]"),
        (b'{"entries": [{"timestamp": 5, "values": [{"a,b": 1}]}]}', "entries[0].values[0]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(body, place):
    with pytest.raises(Malformed) as caught:
        read(body)
    assert place in str(caught.value)


def test_too_many_entries():
    with pytest.raises(TooLarge):
        read(entries_body((5, {"a": 1}), (6, {"a": 1})), Limits(commits=1))


def test_what_would_fill_the_memory_is_refused_before_it_is_parsed():
    body = b'{"entries":[' + b"{}," * 2_700_000 + b"{}]}"
    assert len(body) < DEFAULT_LIMITS.body_bytes
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="body: more brackets"):
            read(body)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(body)
    finally:
        tracemalloc.stop()


def test_brackets_in_texts_are_nothing_but_text():
    text = '[{,"\\' * 13_000
    push = read(entries_body((5, {f"f{n}": text for n in range(60)})))
    assert push is not None
    assert {value for _, value in push.entries[0].values} == {text}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"entries":[{"timestamp":5,"values":[{"a":1,"a":2}]}]}', "'a'"),
        (b'{"entries":[{"timestamp":5,"values":[{"b":0,"a" :1,"\\u0061" :2}]}]}', "'a'"),
        (b'{"entries":[{"timestamp":5,"values":[{"a":1}],"values":[]}]}', "'values'"),
        (b'{"entries":[{"timestamp":5,"values":[{"b":"::","a":1,"a":"c"}]}]}', "'a'"),
        (b'{"entries":[{"timestamp":5,"values":[{"b":"\\u003a","a":1,"a":"c"}]}]}', "'a'"),
        (b'{"entries":[{"timestamp":5,"timestamp":6,"values":[{"a":1}]}]}', "'timestamp'"),
        (b'{"entries":[{"timestamp":5,"values":[{"a":1}]}],"entries":[]}', "'entries'"),
    ],
)
def test_a_key_that_comes_twice_is_refused_and_named(body, key):
    with pytest.raises(Malformed, match=f"the key {key} twice"):
        read(body)


def test_colons_and_unknown_keys_are_no_repetition():
    push = read(b'{"entries":[{"timestamp":5,"values":[{"a":"12:30"},{"b:c":1}],"note":{"a":[{"a":1}]}}]}')
    assert push is not None
    assert push.entries[0].values == (("a", "12:30"), ("b:c", 1))


@given(st.lists(st.tuples(st.sampled_from([*"ab", "a:", "\\u0061"]), st.sampled_from([1, "x", ":", "\\u003a:"]))))
def test_a_key_is_taken_twice_by_nobody(pairs):
    body = ",".join(f'"{name}":' + (f'"{value}"' if isinstance(value, str) else "1") for name, value in pairs)
    names = [name.replace("\\u0061", "a") for name, _ in pairs]
    body = '{"entries":[{"timestamp":5,"values":[{' + body + "}]}]}"
    if len(set(names)) < len(names):
        with pytest.raises(Malformed, match="twice"):
            read(body.encode())
    elif names:
        assert [name for name, _ in read(body.encode()).entries[0].values] == names


def test_each_device_has_one_origin_of_its_own():
    origin = entries_origin(DEVICE.id)
    assert origin == entries_origin(uuid.UUID(int=1))
    assert origin != entries_origin(uuid.UUID(int=2))
    assert origin.version == 8
    assert origin.variant == uuid.RFC_4122
    # Devices that are out there depend on it: it must not change, ever.
    assert str(origin) == "be9f1ea2-77ae-892c-ae63-082f1323bc40"


values = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False, allow_infinity=False),
    st.text("abc\u00e9\U0001f321", max_size=20),
)  # fmt: skip
rows = st.lists(
    st.tuples(st.integers(0, 2_000_000_000), st.dictionaries(st.sampled_from("abcd"), values, min_size=1)),
    min_size=1,
    max_size=30,
)


@given(rows, st.integers(0, 10**6))
def test_entries_become_a_pack_that_continues_the_origin(made, number):
    push = read(entries_body(*made))
    assert push is not None
    mark = Mark(number, b"p" * 32)
    stored = pack_of_entries(push, push.entries, mark)
    found = commits_of(stored)
    assert [commit.number for commit in found] == list(range(number + 1, number + len(made) + 1))
    assert [commit.time_us for commit in found] == [at * 1_000_000 for at, _ in made]
    for commit, (_, row) in zip(found, made, strict=True):
        assert {name: (type(value), value) for name, value in commit.values} == {
            name: (type(value), value) for name, value in row.items()
        }
    content = decompress(stored.payload, stored.codec, stored.content_bytes)
    assert (stored.hash, stored.parent) == (hash_content(content), mark.hash)
    assert (stored.first, stored.last, stored.row_count) == (number + 1, number + len(made), len(made))
    assert (stored.min_time_us, stored.max_time_us) == (
        min(at for at, _ in made) * 1_000_000,
        max(at for at, _ in made) * 1_000_000,
    )
    assert stored.origin == entries_origin(DEVICE.id)


def test_only_the_new_entries_go_into_the_pack():
    push = read(entries_body((5, {"a": 1}), (6, {"a": 2}), (7, {"b": 3})))
    assert push is not None
    stored = pack_of_entries(push, push.entries[2:], Mark())
    assert [(c.time_us, c.values) for c in commits_of(stored)] == [(7_000_000, (("b", 3),))]


def test_long_contents_are_compressed_and_short_ones_left():
    short = read(entries_body((5, {"a": 1})))
    long = read(entries_body(*((n, {"a": 1}) for n in range(1_000))))
    assert short is not None
    assert long is not None
    assert pack_of_entries(short, short.entries, Mark()).codec == 0
    stored = pack_of_entries(long, long.entries, Mark())
    assert stored.codec == 1
    assert len(stored.payload) < stored.content_bytes / 2


def test_the_refusal_names_the_fields():
    error = entries_refused(FieldsRefused(tuple("abcdefg"), "this device takes no new fields"))
    assert error.status == 422
    assert "'a', 'b', 'c', 'd', 'e' and 2 more" in str(error)
    assert "Nothing of the request was stored" in str(error)
