from __future__ import annotations

import os
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.errors import Damaged, TooLarge, Unsupported, WireError
from nikdev_iot.wire.frame import RAW, ZLIB, decode_frame, decompress, encode_frame, hash_content
from nikdev_iot.wire.limits import Limits

EPOCH = bytes(range(16))
CONTENT = b"temperature" * 50 + os.urandom(5)


def checked(head: bytes, payload: bytes) -> bytes:
    """A frame whose check value is right, whatever else is not."""
    check = zlib.crc32(head[:12] + bytes(4) + head[16:] + payload)
    return head[:12] + struct.pack("<I", check) + head[16:] + payload


@given(st.binary(), st.binary(min_size=16, max_size=16), st.integers(0, 9))
def test_a_frame_is_read_as_it_was_written(content, epoch, level):
    frame = decode_frame(encode_frame(content, epoch=epoch, level=level))
    assert (frame.content, frame.epoch, frame.hash) == (content, epoch, hash_content(content))
    assert decompress(frame.payload, frame.codec, len(content)) == content


def test_it_is_compressed_where_that_helps():
    assert decode_frame(encode_frame(CONTENT, epoch=EPOCH)).codec == ZLIB
    assert decode_frame(encode_frame(CONTENT, epoch=EPOCH, level=0)).codec == RAW
    assert decode_frame(encode_frame(bytes(511), epoch=EPOCH)).codec == RAW
    assert decode_frame(encode_frame(os.urandom(5_000), epoch=EPOCH)).codec == RAW


@pytest.mark.parametrize("level", [0, 1])
def test_every_altered_bit_is_noticed(level):
    body = encode_frame(CONTENT, epoch=EPOCH, level=level)
    for at in range(len(body)):
        for bit in range(8):
            altered = bytearray(body)
            altered[at] ^= 1 << bit
            with pytest.raises((Damaged, Unsupported)):
                decode_frame(bytes(altered))


@pytest.mark.parametrize("level", [0, 1])
def test_every_cut_and_every_byte_too_many_is_noticed(level):
    body = encode_frame(CONTENT, epoch=EPOCH, level=level)
    for end in range(len(body)):
        with pytest.raises((Damaged, Unsupported)):
            decode_frame(body[:end])
    for more in (b"\0", b"\xff", b"\n", body):
        with pytest.raises(Damaged):
            decode_frame(body + more)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(raw):
    for body in (raw, b"NKP\x01" + raw, encode_frame(CONTENT, epoch=EPOCH)[:64] + raw):
        with pytest.raises(WireError):
            decode_frame(body)


@given(st.binary(max_size=100), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_any_payload_under_a_right_check_value_is_read_or_refused(payload, codec, length):
    head = struct.pack("<4sB3xII16s32s", b"NKP\x01", codec, length, 0, EPOCH, hash_content(payload))
    try:
        frame = decode_frame(checked(head, payload))
    except WireError:
        return
    assert (codec, length, frame.content) == (RAW, len(payload), payload)


def test_what_is_newer_is_said_to_be():
    body = encode_frame(CONTENT, epoch=EPOCH)
    with pytest.raises(Unsupported, match="version 02"):
        decode_frame(b"NKP\x02" + body[4:])
    with pytest.raises(Unsupported, match="not a pack"):
        decode_frame(b"<html>")
    with pytest.raises(Unsupported, match="compression 2"):
        decode_frame(checked(body[:4] + b"\x02" + body[5:64], body[64:]))
    with pytest.raises(Unsupported, match="reserved"):
        decode_frame(checked(body[:5] + b"\x01" + body[6:64], body[64:]))


def test_limits():
    body = encode_frame(CONTENT, epoch=EPOCH)
    assert decode_frame(body, Limits(body_bytes=len(body), content_bytes=len(CONTENT))).content == CONTENT
    with pytest.raises(TooLarge) as caught:
        decode_frame(body, Limits(body_bytes=len(body) - 1))
    assert caught.value.limit == len(body) - 1
    with pytest.raises(TooLarge):
        decode_frame(body, Limits(content_bytes=len(CONTENT) - 1))


def test_a_small_body_that_unpacks_to_much_takes_no_more_than_it_said():
    payload = zlib.compress(bytes(20_000_000), 9)
    head = struct.pack("<4sB3xII16s32s", b"NKP\x01", ZLIB, 1000, 0, EPOCH, bytes(32))
    tracemalloc.start()
    with pytest.raises(Damaged):
        decode_frame(checked(head, payload))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize(
    "payload",
    [b"", b"x", zlib.compress(CONTENT)[:-1], zlib.compress(CONTENT) + b"x", zlib.compress(CONTENT[:-1])],
    ids=["none", "no zlib", "cut short", "more behind", "another content"],
)
def test_a_payload_that_is_not_its_content_is_damaged(payload):
    with pytest.raises(Damaged):
        decompress(payload, ZLIB, len(CONTENT))


def test_the_hash_is_looked_at():
    body = encode_frame(CONTENT, epoch=EPOCH, level=0)
    with pytest.raises(Damaged, match="hash"):
        decode_frame(checked(body[:32] + bytes(32), CONTENT))
