"""Arrays and texts as bytes: each in the shortest of a few forms, and read back within bounds that it names first."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone

from .records import Floats, Int64s, SegmentDamaged

__all__ = ["MAX_ITEMS", "Cursor", "dump_bools", "dump_bytes", "dump_floats", "dump_ints", "dump_texts"]

MAX_ITEMS = 16 * 1024 * 1024
"""Of one array: none that is written has as many."""
_ZLIB_RATIO = 1_040
"""No stream of DEFLATE becomes longer by more than this, and a few bytes."""

_HEAD = struct.Struct("<BII")
_LINEAR = struct.Struct("<qq")
_RAW, _ZLIB = 0, 1
_PCO, _STEPS = 16, 17
_WIDTHS = (1, 2, 4, 8)
_PCO_FROM = 12
"""Shorter arrays are shorter as they are."""
_CONFIG = ChunkConfig()
_INT64 = np.iinfo(np.int64)


# -- writing --------------------------------------------------------------------------------------


def dump_ints(values: Int64s) -> bytes:
    """Return int64s as bytes."""
    count = len(values)
    low, high = (int(values.min()), int(values.max())) if count else (0, 0)
    width = next(width for width in _WIDTHS if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1)
    if width * count > _LINEAR.size and (steps := _steps(values)) is not None:
        return _item(_STEPS, count, steps)
    if count >= _PCO_FROM:
        squeezed = standalone.simple_compress(np.ascontiguousarray(values, dtype=np.int64), _CONFIG)
        if len(squeezed) < width * count:
            return _item(_PCO, count, squeezed)
    return _item(width, count, values.astype(f"<i{width}").tobytes())


def _steps(values: Int64s) -> bytes | None:
    """Return first item and step of values that are all one step apart; None where they are not."""
    first = int(values[0])
    step = int(values[1]) - first
    # In whole numbers of Python: what wraps around is no step.
    if not _INT64.min <= step <= _INT64.max or int(values[-1]) != first + step * (len(values) - 1):
        return None
    return _LINEAR.pack(first, step) if bool(np.all(values[1:] - values[:-1] == step)) else None


def dump_floats(values: Floats) -> bytes:
    """Return float64s as bytes, bit for bit."""
    raw = values.astype("<f8", copy=False).tobytes()
    if len(values) >= _PCO_FROM:
        squeezed = standalone.simple_compress(np.ascontiguousarray(values, dtype=np.float64), _CONFIG)
        if len(squeezed) < len(raw):
            return _item(_PCO, len(values), squeezed)
    return _item(8, len(values), raw)


def dump_bytes(raw: bytes) -> bytes:
    """Return bytes as an item."""
    squeezed = zlib.compress(raw, 6)
    return _item(_ZLIB, len(raw), squeezed) if len(squeezed) < len(raw) else _item(_RAW, len(raw), raw)


def dump_bools(values: npt.NDArray[np.bool_]) -> bytes:
    """Return bools as bytes, one bit each."""
    return struct.pack("<I", len(values)) + dump_bytes(np.packbits(values, bitorder="little").tobytes())


def dump_texts(texts: Sequence[str]) -> bytes:
    """Return texts as bytes: each different one once, and for each which it is."""
    codes: dict[str, int] = {}
    at = np.fromiter((codes.setdefault(text, len(codes)) for text in texts), np.int64, len(texts))
    raws = [text.encode() for text in codes]
    lengths = np.fromiter(map(len, raws), np.int64, len(raws))
    return dump_ints(lengths) + dump_bytes(b"".join(raws)) + dump_ints(at)


def _item(form: int, count: int, raw: bytes) -> bytes:
    return _HEAD.pack(form, count, len(raw)) + raw


# -- reading --------------------------------------------------------------------------------------


class Cursor:
    """Reads one item after the other; raises `SegmentDamaged` where they cannot be."""

    def __init__(self, raw: bytes | memoryview) -> None:
        self._raw = memoryview(raw)
        self._at = 0

    def take(self, size: int) -> memoryview:
        """Return the next `size` bytes."""
        end = self._at + size
        if size < 0 or end > len(self._raw):
            raise SegmentDamaged("A segment is damaged: it ends where more should be.")
        found, self._at = self._raw[self._at : end], end
        return found

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """Return the next fixed items."""
        return form.unpack(self.take(form.size))

    def end(self) -> None:
        """Raise where something is left."""
        if self._at != len(self._raw):
            raise SegmentDamaged("A segment is damaged: something follows where it should end.")

    def ints(self) -> Int64s:
        """Return int64s."""
        form, count, raw = self._next()
        if form == _PCO:
            return _from_pco(raw, np.empty(count, dtype=np.int64))
        if form == _STEPS:
            if len(raw) != _LINEAR.size or not count:
                raise SegmentDamaged("A segment is damaged: an array of steps is none.")
            first, step = _LINEAR.unpack(raw)
            if not _INT64.min <= first + step * (count - 1) <= _INT64.max:
                raise SegmentDamaged("A segment is damaged: steps lead beyond 64 bits.")
            stepped: Int64s = np.arange(count, dtype=np.int64) * step + first
            return stepped
        if form not in _WIDTHS or len(raw) != form * count:
            raise SegmentDamaged(f"A segment is damaged: an array of ints has the form {form}.")
        return np.frombuffer(raw, dtype=f"<i{form}").astype(np.int64)

    def floats(self) -> Floats:
        """Return float64s."""
        form, count, raw = self._next()
        if form == _PCO:
            return _from_pco(raw, np.empty(count, dtype=np.float64))
        if form != 8 or len(raw) != 8 * count:
            raise SegmentDamaged(f"A segment is damaged: an array of floats has the form {form}.")
        return np.frombuffer(raw, dtype="<f8").astype(np.float64)

    def bytes(self) -> bytes:
        """Return bytes."""
        form, count, raw = self._next(is_counted=False)
        if form == _RAW and len(raw) == count:
            return bytes(raw)
        if form != _ZLIB or count > _ZLIB_RATIO * len(raw) + 64:
            raise SegmentDamaged(f"A segment is damaged: bytes have the form {form}.")
        stream = zlib.decompressobj()
        try:
            found = stream.decompress(raw, count + 1)
        except zlib.error as error:
            raise SegmentDamaged(f"A segment is damaged: {error}.") from None
        if len(found) != count or not stream.eof or stream.unused_data:
            raise SegmentDamaged(f"A segment is damaged: {len(found)} bytes where {count} should be.")
        return found

    def bools(self) -> npt.NDArray[np.bool_]:
        """Return bools."""
        (count,) = self.unpack(struct.Struct("<I"))
        raw = self.bytes()
        if len(raw) != (count + 7) // 8:
            raise SegmentDamaged("A segment is damaged: bools that are too many or too few.")
        return np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=count, bitorder="little").astype(np.bool_)

    def texts(self) -> npt.NDArray[np.object_]:
        """Return texts."""
        ends = np.cumsum(self.ints())
        raw = self.bytes()
        codes = self.ints()
        if len(ends) and (int(ends[-1]) != len(raw) or int(ends[0]) < 0 or bool(np.any(ends[1:] < ends[:-1]))):
            raise SegmentDamaged("A segment is damaged: texts of another length.")
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(ends):
            raise SegmentDamaged("A segment is damaged: a text that is not there.")
        different = np.empty(len(ends), dtype=object)
        begin = 0
        try:
            for place, end in enumerate(ends.tolist()):
                different[place] = raw[begin:end].decode()
                begin = end
        except UnicodeDecodeError as error:
            raise SegmentDamaged(f"A segment is damaged: {error}.") from None
        return different[codes]

    def _next(self, *, is_counted: bool = True) -> tuple[int, int, memoryview]:
        form, count, size = self.unpack(_HEAD)
        if is_counted and count > MAX_ITEMS:
            raise SegmentDamaged(f"A segment is damaged: an array of {count} items.")
        return form, count, self.take(size)


def _from_pco(raw: memoryview, into: npt.NDArray[Any]) -> npt.NDArray[Any]:
    try:
        progress = standalone.simple_decompress_into(bytes(raw), into)
    except (RuntimeError, TypeError) as error:
        raise SegmentDamaged(f"A segment is damaged: {error}.") from None
    if progress.n_processed != len(into) or not progress.finished:
        raise SegmentDamaged(f"A segment is damaged: {progress.n_processed} items where {len(into)} should be.")
    return into
