"""The part of CBOR (RFC 8949) that packs and pages are made of, with the typed arrays of RFC 8746.

Whole numbers, byte strings, texts, arrays, maps with text keys, null, and typed arrays of four types; all lengths are
definite. A general reader would also make fractions, regular expressions and shared references out of what anyone
sends, and 250 bytes of such keep it busy for days (`docs/adr/`, "Our own CBOR"). This one does work in proportion to
the bytes and makes no more items than it was told to. It is plain Python, as quick on boards without compiled parts.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from nikdev_iot.model.errors import Malformed, TooLarge, Unsupported

__all__ = [
    "ARRAY",
    "BEHIND_THE_END",
    "BYTES",
    "MAP",
    "NULL",
    "SHORT_TEXT",
    "TAG",
    "TEXT",
    "TYPECODE_OF_TAG",
    "UINT",
    "Reader",
    "array_of",
    "dumps",
    "head",
    "keys",
    "loads",
    "read",
    "text",
    "typed",
]

T = TypeVar("T")

BEHIND_THE_END = (IndexError, struct.error)
"""What `Reader.head` raises where the bytes end."""

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
"""The major types."""
NULL = b"\xf6"

# RFC 8746, section 2.1: the little-endian ones, by `array`'s type code
_TAG_OF_TYPECODE = {"B": 64, "I": 70, "q": 79, "d": 86}
TYPECODE_OF_TAG = {tag: code for code, tag in _TAG_OF_TYPECODE.items()}
_BIG_ENDIAN = sys.byteorder == "big"

_NUMBERS = {24: struct.Struct(">B"), 25: struct.Struct(">H"), 26: struct.Struct(">I"), 27: struct.Struct(">Q")}
SHORT_TEXT = TEXT << 5
"""The first byte of an empty text; up to 23 bytes are added to it."""
_DEEPEST = 8
"""Arrays and maps within each other; a pack has three."""


# -- writing -------------------------------------------------------------------------------------


def head(major: int, number: int) -> bytes:
    """Return the shortest head of an item: its major type, and its value or length."""
    if number < 24:
        return _ONE_BYTE[major << 5 | number]
    if number < 2**8:
        return bytes((major << 5 | 24, number))
    if number < 2**16:
        return struct.pack(">BH", major << 5 | 25, number)
    if number < 2**32:
        return struct.pack(">BI", major << 5 | 26, number)
    return struct.pack(">BQ", major << 5 | 27, number)


_ONE_BYTE = [bytes((byte,)) for byte in range(256)]


def text(value: str) -> bytes:
    """Return the item for a text."""
    raw = value.encode()
    return head(TEXT, len(raw)) + raw


def typed(values: array[Any]) -> bytes:
    """Return the item for an array of type `B`, `I`, `q` or `d`."""
    if _BIG_ENDIAN:
        values = values[:]
        values.byteswap()
    raw = values.tobytes()
    return _typed_head(values.typecode, len(raw)) + raw


@lru_cache(1024)
def _typed_head(typecode: str, size: int) -> bytes:
    return head(TAG, _TAG_OF_TYPECODE[typecode]) + head(BYTES, size)


def keys(*names: str) -> dict[bytes, str]:
    """Return the short `names` by their encoded form, for `Reader.item_of`."""
    return {text(name): name for name in names}


def dumps(item: Any) -> bytes:
    """Return the encoding of `item`, which is of the types that `loads` returns; a map keeps its order.

    Raises:
        TypeError: an item of another type.
    """
    parts: list[bytes] = []
    _put(parts, item)
    return b"".join(parts)


def _put(parts: list[bytes], item: Any) -> None:
    kind = type(item)
    if kind is str:
        parts.append(text(item))
    elif kind is array:
        parts.append(typed(item))
    elif kind is bytes:
        parts += head(BYTES, len(item)), item
    elif kind is int:
        parts.append(head(UINT, item) if item >= 0 else head(NINT, -1 - item))
    elif kind is list:
        parts.append(head(ARRAY, len(item)))
        for part in item:
            _put(parts, part)
    elif kind is dict:
        parts.append(head(MAP, len(item)))
        for key, value in item.items():
            _put(parts, key)
            _put(parts, value)
    elif item is None:
        parts.append(NULL)
    else:
        raise TypeError(f"a {kind.__name__} is not in the format")


# -- reading, from anyone --------------------------------------------------------------------------


def loads(content: bytes, *, max_items: int | None = None) -> Any:
    """Return the one item that `content` is.

    Whole numbers come as int, byte strings as bytes, texts as str, arrays as list, maps as dict in their order, typed
    arrays as `array` of type `B`, `I`, `q` or `d`.

    Raises:
        Malformed: cut short, more than one item, a text that is not UTF-8, a key that is no text or is there twice.
        Unsupported: CBOR that the formats do not use.
        TooLarge: more than `max_items` items, at any depth; a typed array is one.
    """
    return read(content, Reader.item, max_items=max_items)


def read(content: bytes, how: Callable[[Reader], T], *, max_items: int | None = None) -> T:
    """Return what `how` makes of `content`, of which it leaves nothing; raises as `loads` does."""
    reader = Reader(content, max_items)
    try:
        found = how(reader)
    except BEHIND_THE_END:
        raise reader.cut_short() from None
    except UnicodeDecodeError:
        raise Malformed("a text that is not UTF-8", place=reader.place()) from None
    if reader.at != len(content):
        raise Malformed("more bytes behind the end", place=reader.place())
    return found


class Reader:
    """Reads items one after the other; used inside `read`, which turns its lesser errors into ours."""

    __slots__ = ("at", "content", "left", "max_items")

    content: bytes
    at: int
    """The offset of the next byte."""
    left: int
    """How many items in arrays and maps may still come."""

    def __init__(self, content: bytes, max_items: int | None = None) -> None:
        self.content = content
        self.at = 0
        self.left = self.max_items = len(content) if max_items is None else max_items

    def item(self, depth: int = 0) -> Any:
        """Read one item of any kind; `depth` arrays and maps are around it."""
        if self.content[self.at] >> 5 not in {ARRAY, MAP}:
            return self.scalar()
        if depth == _DEEPEST:
            raise Unsupported(f"more than {_DEEPEST} arrays and maps within each other", place=self.place())
        major, number = self.head()
        if major == MAP:
            return self._map(number, depth + 1)
        self.afford(number)
        items: list[Any] = []
        while len(items) < number:
            items += self._short_texts(number - len(items))
            if len(items) < number:
                items.append(self.item(depth + 1))
        return items

    def scalar(self) -> Any:
        """Read one item that is no array of items and no map."""
        if self.content[self.at] == 0xF6:
            self.at += 1
            return None
        major, number = self.head()
        if major == UINT:
            return number
        if major == BYTES:
            return self.take(number)
        if major == TAG:
            return self._typed(number)
        if major == TEXT:
            return self.take(number).decode()
        if major == NINT:
            return -1 - number
        raise Malformed("an array or a map where none belongs", place=self.place())

    def open_array(self, most: int, place: str) -> int:
        """Read the head of an array of at most `most` items, and return how many there are."""
        major, count = self.head()
        if major != ARRAY:
            raise Malformed("not an array", place=place)
        if count > most:
            raise TooLarge(f"{count} items; the limit is {most}", limit=most, place=place)
        self.afford(count)
        return count

    def texts(self, place: str) -> list[str]:
        """Read an array of texts."""
        count = self.open_array(self.max_items, place)
        texts: list[str] = []
        while len(texts) < count:
            texts += self._short_texts(count - len(texts))
            if len(texts) < count:
                texts.append(self.text())
        return texts

    def item_of(self, known: Mapping[bytes, str]) -> str:
        """Read a text that is in `known`, which `keys` made."""
        at = self.at
        raw = self.content[at : at + 1 + (self.content[at] & 31)]
        found = known.get(raw)
        if found is None:
            raise Unsupported(f"the unknown key {self.text()[:80]!r}", place=self.place(), hint="Upgrade this side.")
        self.at = at + len(raw)
        return found

    def head(self) -> tuple[int, int]:
        """Read a head: the major type, and the value or length."""
        content, at = self.content, self.at
        byte = content[at]
        major, number = byte >> 5, byte & 31
        if number < 24:
            at += 1
        elif number == 24:
            number = content[at + 1]
            at += 2
        else:
            layout = _NUMBERS.get(number)
            if layout is None:
                raise Unsupported("a length that is not definite", place=self.place())
            (number,) = layout.unpack_from(content, at + 1)
            at += 1 + layout.size
        if major > TAG:
            raise Unsupported("a float or simple value", place=self.place())
        self.at = at
        return major, number

    def take(self, size: int) -> bytes:
        """Read `size` bytes as they are."""
        at = self.at
        end = at + size
        if end > len(self.content):
            raise self.cut_short()
        self.at = end
        return self.content[at:end]

    def afford(self, count: int) -> None:
        """Make sure, before anything is made of them, that `count` items can come and may come."""
        if count > len(self.content) - self.at:  # each has at least one byte
            raise self.cut_short()
        self.left -= count
        if self.left < 0:
            raise TooLarge(f"more than {self.max_items} items", limit=self.max_items, place=self.place())

    def text(self) -> str:
        """Read a text."""
        major, number = self.head()
        if major != TEXT:
            raise Malformed("not a text", place=self.place())
        return self.take(number).decode()

    def place(self) -> str:
        """Return where the reader is, for an error."""
        return f"content, byte {self.at}"

    def cut_short(self) -> Malformed:
        """Return the error for content that ends too early."""
        return Malformed(f"cut short after {len(self.content)} bytes", place="content")

    def _short_texts(self, most: int) -> list[str]:
        # As many short texts as there are; there may be a million of them.
        content, length, at = self.content, len(self.content), self.at
        texts: list[str] = []
        for _ in range(most):
            end = at + 1 + content[at] - SHORT_TEXT
            if not at < end <= at + 24:
                break
            if end > length:
                raise self.cut_short()
            texts.append(content[at + 1 : end].decode())
            at = end
        self.at = at
        return texts

    def _map(self, count: int, depth: int) -> dict[str, Any]:
        self.afford(2 * count)
        # Keys are texts only: their hashes are seeded, so that nobody can make keys that collide.
        found = {self.text(): self.item(depth) for _ in range(count)}
        if len(found) != count:
            raise Malformed("a map with the same key twice", place=self.place())
        return found

    def _typed(self, tag: int) -> array[Any]:
        typecode = TYPECODE_OF_TAG.get(tag)
        if typecode is None:
            raise Unsupported(f"tag {tag}", place=self.place())
        major, size = self.head()
        if major != BYTES:
            raise Malformed("a typed array that is not a byte string", place=self.place())
        return array_of(typecode, self.take(size))


def array_of(typecode: str, raw: bytes) -> array[Any]:
    """Return the items of a typed array."""
    try:
        values: array[Any] = array(typecode, raw)
    except ValueError:
        raise Malformed(f"{len(raw)} bytes are not whole items of a typed array", place="content") from None
    if _BIG_ENDIAN:
        values.byteswap()
    return values
