"""Reading pickles, executing nothing: containers, numbers and texts come out, and placeholders for anything else."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any, Self

__all__ = ["BadPickle", "load_plain"]


class BadPickle(ValueError):
    """It is damaged, or no pickle."""


class _Placeholder:
    """Stands for an object of a class that is not loaded; takes whatever a pickle does to it, and does nothing."""

    def __new__(cls, *_: object, **__: object) -> Self:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> Self:
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        pass

    def extend(self, _: object) -> None:
        pass


class _NumpyType:
    """What is needed of a pickled `numpy.dtype`."""

    _CODES = {"f8": "d", "f4": "f", "f2": "e", "b1": "?"} | {
        f"{sign}{size}": code
        for size, codes in ((1, "bB"), (2, "hH"), (4, "iI"), (8, "qQ"))
        for sign, code in zip("iu", codes, strict=True)
    }

    def __init__(self, name: object = "", *_: object) -> None:
        self.code = self._CODES.get(str(name).lstrip("<>|="), "")
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in {">", b">"}:
            self.order = ">"


def _numpy_scalar(kind: object = None, raw: object = b"") -> object:
    if isinstance(kind, _NumpyType) and kind.code:
        data = raw.encode("latin-1") if isinstance(raw, str) else raw
        if isinstance(data, bytes) and len(data) == struct.calcsize(f"{kind.order}{kind.code}"):
            return struct.unpack(f"{kind.order}{kind.code}", data)[0]
    return _Placeholder()


def load_plain(content: bytes) -> object:
    """Return what `content` pickles; NumPy's scalars become plain numbers, other objects placeholders.

    Raises:
        BadPickle: it is damaged.
    """
    try:
        return _Restricted(io.BytesIO(content), encoding="utf-8", errors="surrogateescape").load()
    except Exception as error:
        raise BadPickle(f"{type(error).__name__}: {error}") from error


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name == "scalar":
            return _numpy_scalar
        if (module, name) == ("numpy", "dtype"):
            return _NumpyType
        if (module, name) == ("_codecs", "encode"):
            return _latin1  # how protocol 2 writes bytes
        return type(name, (_Placeholder,), {})

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - pickle's signature
        return _Placeholder()


def _latin1(text: object = "", *_: object) -> object:
    return text.encode("latin-1") if isinstance(text, str) else _Placeholder()
