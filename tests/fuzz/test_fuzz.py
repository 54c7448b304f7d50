"""Hostile input: every decoder reads it, or refuses it by an error of its own, in bounded time and memory.

This is the short form, with the inputs that are kept; `make fuzz` has a million.
"""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
import uuid
import zlib
from array import array

import pytest
from tests.fuzz.decoders import CORPUS, DECODERS, DEVICE, Decoder, corpus_of
from tests.fuzz.running import Hang, bounded_memory, fuzz

from nikdev_iot.model.errors import TooLarge, WireError
from nikdev_iot.server.ingest.entries import read_entries
from nikdev_iot.wire import cbor
from nikdev_iot.wire.frame import decode_frame, encode_frame
from nikdev_iot.wire.limits import DEFAULT_LIMITS
from nikdev_iot.wire.pack import NO_PACK, decode_content
from nikdev_iot.wire.page import decode_page

_COUNT = 120
"""Inputs for each decoder: more than two thousand together."""


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_damaged_inputs_are_read_or_refused(decoder):
    outcome = fuzz(decoder, _COUNT, seed=1)
    assert outcome.failures == []
    assert outcome.inputs == _COUNT == sum(outcome.found.values())
    assert outcome.found["read"] > 0, "what is kept of it can be read"


def test_what_is_kept_is_small_and_whole():
    assert {path.name for path in CORPUS.iterdir()} == {decoder.name for decoder in DECODERS}
    assert all(corpus_of(decoder) for decoder in DECODERS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 100_000


def test_an_error_that_may_not_be_and_an_input_that_takes_for_ever_are_found(monkeypatch):
    def read(data):
        if b"\xff" in data:
            raise ZeroDivisionError
        if len(data) % 50 == 0:
            while True:
                pass

    monkeypatch.setattr("tests.fuzz.running.MAX_S", 0.05)
    monkeypatch.setattr("tests.fuzz.running.corpus_of", lambda _: [b"abc" * 10])
    outcome = fuzz(Decoder("made up", read, ()), 400, seed=1)
    assert outcome.found["!ZeroDivisionError"] > 0
    assert outcome.found["!Hang"] > 0
    assert outcome.found["read"] > 100
    assert {what.partition(":")[0] for what, _ in outcome.failures} == {"ZeroDivisionError", Hang.__name__}


def test_memory_can_be_bounded():
    with bounded_memory(64 * 1024 * 1024), pytest.raises(MemoryError):
        bytes(1024 * 1024 * 1024)
    assert len(bytes(128 * 1024 * 1024)) == 128 * 1024 * 1024


# -- bombs: small, and huge once they are believed ----------------------------------------------------------

_ORIGIN = uuid.UUID(int=5).bytes
_HUGE = b"\x9b" + (2**63).to_bytes(8, "big")  # an array of 2^63 items


def _content(**changes):
    whole = {
        "v": 1, "origin": _ORIGIN, "first": 1, "count": 1, "parent": NO_PACK, "times": array("q", [5]),
        "columns": [["n", None, array("q", [1])]],
    }  # fmt: skip
    return cbor.dumps({**whole, **changes})


def _framed(payload, length, codec=1):
    head = struct.pack("<4sB3xII", b"NKP\x01", codec, length, 0) + bytes(48)
    return head[:12] + struct.pack("<I", zlib.crc32(head + payload)) + head[16:] + payload


def _entries(body):
    return read_entries(body, device=DEVICE, key_id=uuid.UUID(int=3), limits=DEFAULT_LIMITS, received_us=1)


def _few_items(data):
    return cbor.loads(data, max_items=10_000)


BOMBS = {
    "an array of 2^63 items": (cbor.loads, _HUGE),
    "a text of 2^63 bytes": (cbor.loads, b"\x7b" + _HUGE[1:]),
    "a map of 2^63 pairs": (cbor.loads, b"\xbb" + _HUGE[1:]),
    "a byte string of 2^64 - 1 bytes": (cbor.loads, b"\x5b" + b"\xff" * 8),
    "a million arrays within each other": (cbor.loads, b"\x81" * 1_000_000),
    "a million maps within each other": (cbor.loads, b"\xa1\x61a" * 333_000),
    "a million tags": (cbor.loads, b"\xd8\x46" * 500_000),
    "a million empty arrays": (_few_items, b"\x9a\x00\x0f\x42\x40" + b"\x80" * 1_000_000),
    "a pack of 2^62 commits": (decode_content, _content(count=2**62)),
    "a pack of a gap and 2^62 commits": (decode_content, _content(count=2**62, gaps=[[2, 5, "x"]])),
    "columns of a million nulls": (decode_content, _content(columns=[None] * 1_000_000)),
    "a column of a million texts": (decode_content, _content(columns=[["n", None, [""] * 1_000_000]])),
    "gaps of a million nulls": (decode_content, _content(gaps=[None] * 1_000_000)),
    "zlib: much more than it says": (decode_frame, _framed(zlib.compress(bytes(16 * 1024 * 1024), 9) * 9, 2**24 - 1)),
    "zlib: says 1 byte, is 16 MiB": (decode_frame, _framed(zlib.compress(bytes(16 * 1024 * 1024), 9), 1)),
    "zlib: says 4 GiB": (decode_frame, _framed(zlib.compress(b"x"), 2**32 - 1)),
    "a frame over the limit": (decode_frame, encode_frame(b"x" * 9 * 1024 * 1024, epoch=bytes(16), level=0)),
    "a page of a million arrays within each other": (decode_page, b"\xa1\x61v" + b"\x81" * 1_000_000),
    "JSON: a million arrays within each other": (_entries, b"[" * 1_000_000),
    "JSON: a million entries": (_entries, b'{"entries":[' + b"{}," * 1_000_000 + b"{}]}"),
    "JSON: a million values": (_entries, b'{"entries":[{"timestamp":1,"values":[' + b"{}," * 2_000_000 + b"{}]}]}"),
    "JSON: a million digits": (_entries, b'{"entries":[{"timestamp":' + b"9" * 1_000_000 + b',"values":[{"a":1}]}]}'),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_at_once_in_little_memory(bomb):
    read, data = BOMBS[bomb]
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(WireError) as caught:
            read(data)
        took_s = time.process_time() - began
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1_000
    assert peak_bytes < 80 * 1024 * 1024
    assert took_s < 10


def test_a_bomb_in_json_from_a_server_is_no_answer_of_one():
    deep = next(decoder for decoder in DECODERS if decoder.name == "mark")
    for body in (b"[" * 500_000, b'{"mark":' * 500_000, b"9" * 500_000, b'"' + b"x" * 500_000):
        with pytest.raises(deep.may_raise):
            deep.read(b"200\napplication/json\n" + body)


def test_the_limit_that_is_met_is_told():
    with pytest.raises(TooLarge) as caught:
        _entries(json.dumps({"entries": [{"timestamp": 1, "values": [{"a": 1}]}] * 50_001}).encode())
    assert "50000" in str(caught.value)
