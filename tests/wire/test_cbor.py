from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from array import array

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.errors import Malformed, TooLarge, Unsupported, WireError
from nikdev_iot.wire import cbor

typed = st.one_of(
    st.lists(st.integers(0, 255)).map(lambda items: array("B", items)),
    st.lists(st.integers(0, 2**32 - 1)).map(lambda items: array("I", items)),
    st.lists(st.integers(-(2**63), 2**63 - 1)).map(lambda items: array("q", items)),
    st.lists(st.floats(allow_nan=False)).map(lambda items: array("d", items)),
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
leaves = st.integers(-(2**64), 2**64 - 1) | st.binary() | texts | st.none() | typed
items = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12)


def as_cbor2(item):
    if isinstance(item, array):
        return cbor2.CBORTag({"B": 64, "I": 70, "q": 79, "d": 86}[item.typecode], item.tobytes())
    if isinstance(item, list):
        return [as_cbor2(part) for part in item]
    if isinstance(item, dict):
        return {key: as_cbor2(part) for key, part in item.items()}
    return item


def depth_of(item):
    inner = item if isinstance(item, list) else item.values() if isinstance(item, dict) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(items.filter(lambda item: depth_of(item) <= 8))
def test_what_was_written_is_read_back(item):
    assert cbor.loads(cbor.dumps(item)) == item


@given(items)
def test_it_is_the_shortest_form_that_others_write(item):
    assert cbor.dumps(item) == cbor2.dumps(as_cbor2(item))


@pytest.mark.skipif(sys.byteorder == "big", reason="cbor2 is given arrays of this machine's order")
def test_cbor2_agrees_in_its_compiled_and_in_its_plain_form():
    item = {"v": 1, "t": array("q", [1, -2]), "c": [["f", None, array("d", [1.5])], ["g", array("I", [1]), ["x", "å"]]]}
    script = (
        "import sys\n"
        "if sys.argv[2] == 'plain': sys.modules['_cbor2'] = None\n"
        "import cbor2\n"
        "raw = bytes.fromhex(sys.argv[1])\n"
        "assert (cbor2.dumps.__class__.__name__ == 'function') == (sys.argv[2] == 'plain')\n"
        "item = cbor2.loads(raw)\n"
        "print(item['t'].tag, item['t'].value.hex(), item['c'][1][2][1])\n"
        "assert cbor2.dumps(item) == raw\n"
    )
    for form in ("compiled", "plain"):
        done = subprocess.run(
            [sys.executable, "-c", script, cbor.dumps(item).hex(), form],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={"PYTHONUTF8": "1"},
        )
        assert done.stderr == ""
        assert done.stdout == "79 0100000000000000feffffffffffffff å\n"


def test_heads_that_are_longer_than_need_be_are_read():
    assert cbor.loads(bytes.fromhex("1800")) == 0
    assert cbor.loads(bytes.fromhex("9b0000000000000001") + b"\x61a") == ["a"]
    assert cbor.loads(bytes.fromhex("7800")) == ""
    assert cbor.loads(bytes.fromhex("da00000040") + b"\x41\x07") == array("B", [7])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("", Malformed),
        ("18", Malformed),
        ("1b00", Malformed),
        ("616162", Malformed),  # more behind the end
        ("6261", Malformed),
        ("5b7fffffffffffffff", Malformed),
        ("5bffffffffffffffff00", Malformed),
        ("9bffffffffffffffff00", Malformed),
        ("bb7fffffffffffffff00", Malformed),
        ("9a00ffffff00", Malformed),
        ("61ff", Malformed),  # not UTF-8
        ("63eda080", Malformed),  # a surrogate
        ("62c080", Malformed),  # an overlong NUL
        ("8161ff", Malformed),
        ("a10001", Malformed),  # a key that is no text
        ("a2616100616101", Malformed),  # a key twice
        ("a16161", Malformed),
        ("d84f41ff", Malformed),  # a part of an int64
        ("d84f6161", Malformed),
        ("d84f", Malformed),
        ("f4", Unsupported),
        ("f5", Unsupported),
        ("f7", Unsupported),
        ("f97e00", Unsupported),
        ("fb7ff8000000000000", Unsupported),
        ("ff", Unsupported),
        ("9fff", Unsupported),
        ("5fff", Unsupported),
        ("7fff", Unsupported),
        ("bfff", Unsupported),
        ("1c", Unsupported),
        ("c24101", Unsupported),  # a bignum
        ("c11a00000000", Unsupported),
        ("d81c80", Unsupported),  # a shared value
        ("d81d00", Unsupported),
        ("d8568100", Malformed),
    ],
)
def test_what_is_not_ours_is_refused(raw, error):
    with pytest.raises(WireError) as caught:
        cbor.loads(bytes.fromhex(raw))
    assert type(caught.value) is error


def test_nesting_is_bounded():
    assert cbor.loads(b"\x81" * 8 + b"\x00") == [[[[[[[[0]]]]]]]]
    with pytest.raises(Unsupported, match="within each other"):
        cbor.loads(b"\x81" * 9 + b"\x00")
    with pytest.raises(Unsupported, match="within each other"):
        cbor.loads(b"\x81" * 1_000_000)
    with pytest.raises(Unsupported, match="within each other"):
        cbor.loads(b"\xa1\x61a" * 100_000)


def test_items_are_counted_before_they_are_made():
    many = cbor.head(cbor.ARRAY, 1000) + b"\x60" * 1000
    assert cbor.loads(many, max_items=1001) == [""] * 1000
    with pytest.raises(TooLarge) as caught:
        cbor.loads(many, max_items=999)
    assert caught.value.limit == 999
    nested = cbor.head(cbor.ARRAY, 2) + 2 * (cbor.head(cbor.ARRAY, 500) + b"\x60" * 500)
    with pytest.raises(TooLarge):
        cbor.loads(nested, max_items=1000)
    with pytest.raises(TooLarge):
        cbor.loads(b"\xb8\x64" + b"\x60\x60" * 100, max_items=100)


def shared_bomb(depth: int) -> bytes:
    """A map whose key holds the array before it twice, by shared reference, `depth` times over."""
    inner = b"\xd8\x1c\x81\x00"
    for index in range(depth, 0, -1):
        inner = b"\xd8\x1c\x82" + inner + b"\xd8\x1d" + cbor.head(cbor.UINT, index)
    return b"\xa1" + inner + b"\x00"


def rational_bomb(size: int) -> bytes:
    return b"\xd8\x1e\x82" + 2 * (b"\xc2" + cbor.head(cbor.BYTES, size) + b"\xfd" * size)


@pytest.mark.parametrize("raw", [shared_bomb(60), rational_bomb(4_000_000), b"\xd8\x23\x78\x64" + b"(" * 100])
def test_bombs_for_general_readers_are_nothing_here(raw):
    begun = time.process_time()
    with pytest.raises(WireError):
        cbor.loads(raw)
    assert time.process_time() - begun < 1


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw):
    with contextlib.suppress(WireError):
        cbor.loads(raw)


@given(items, st.data())
def test_any_altered_encoding_is_read_or_refused(item, data):
    raw = bytearray(cbor.dumps(item))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    with contextlib.suppress(WireError):
        cbor.loads(bytes(raw))


def test_other_types_cannot_be_written():
    for item in (1.5, True, {1}, object()):
        with pytest.raises(TypeError, match="not in the format"):
            cbor.dumps(item)
