"""Damaged inputs: what random bits, cuts, copies and boundary numbers make of one that was whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

__all__ = ["mutated"]

_NUMBERS = tuple(
    number.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for number in {0, 1, 23, 24, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1}
    for order in ("big", "little")
)
_HEADS = tuple(bytes([major << 5 | low]) for major in range(8) for low in (0, 1, 23, 24, 25, 26, 27, 31))
_TEXTS = (
    *(b"[" * 4000, b"{" * 40, b'{"a":' * 2000, b"\x81" * 100, b"\xa1\x61a" * 40, b"\xd8\x46", b"\xd8\x56", b"\xd8\x4f"),
    *(b"null", b"true", b"-1", b"1e999", b"-0.0", b"NaN", b"Infinity", b"1" * 400, b'"', b"\\ud800", b"\xed\xa0\x80"),
    *(b"\0", b"\r\n", b"%00", b"..", b"/", b",", b"\xff\xfe", b"=", b"&", b"9" * 30, b"+00:00", b"T", b"\xf0\x9f\x92"),
)  # fmt: skip


def mutated(chance: random.Random, whole: bytes, others: Sequence[bytes]) -> bytes:
    """Return `whole` after one to six accidents; `others` are inputs that parts can be taken from."""
    data = bytearray(whole)
    for _ in range(min(1 + int(chance.expovariate(0.7)), 6)):
        chance.choice(_ACCIDENTS)(chance, data, others)
    return bytes(data[:100_000])


def _place(chance: random.Random, data: bytearray) -> int:
    return chance.randrange(len(data) + 1)


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _put_number(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    number, at = chance.choice(_NUMBERS), _place(chance, data)
    data[at : at + chance.choice((0, len(number)))] = number


def _put_head(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    data[at : at + chance.randrange(2)] = chance.choice(_HEADS)


def _put_text(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    data[at : at + chance.randrange(8)] = chance.choice(_TEXTS)


def _cut_out(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    del data[at : at + chance.choice((1, 1, 2, 4, 8, 64))]


def _cut_off(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_place(chance, data) :]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at, size = _place(chance, data), chance.choice((1, 2, 4, 8, 16, 64))
    data[at:at] = data[at : at + size] * chance.choice((1, 1, 2, 10))


def _swap(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    one, other, size = _place(chance, data), _place(chance, data), chance.choice((1, 2, 4, 8))
    first, second = data[one : one + size], data[other : other + size]
    data[one : one + size], data[other : other + size] = second, first


def _splice(chance: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    start = chance.randrange(len(other) + 1)
    at = _place(chance, data)
    data[at : at + chance.choice((0, 8, 64))] = other[start : start + chance.choice((4, 16, 64, 1000))]


_ACCIDENTS: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip, _overwrite, _put_number, _put_head, _put_text, _cut_out, _cut_off, _repeat, _swap, _splice,
)  # fmt: skip
