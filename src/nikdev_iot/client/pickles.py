"""Reading pickles, executing nothing: containers, numbers and texts come out, and placeholders for anything else."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeGuard

from nikdev_iot.model.showing import one_line, short

__all__ = ["BadPickle", "load_plain"]


_LONGEST_NAME = 60
_MOST_NAMES = 1000
_LONGEST_RAW = 64
"""Of the bytes of a number, and of what names its type: what is longer is none, and is not looked at."""


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
        self.code = self._CODES.get(name.lstrip("<>|="), "") if _is_brief(name) else ""
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if isinstance(order, str | bytes) and order in {">", b">"}:
            self.order = ">"


def _is_brief(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and len(text) <= _LONGEST_RAW


def _numpy_scalar(kind: object = None, raw: object = b"") -> object:
    if isinstance(kind, _NumpyType) and kind.code:
        data = raw.encode("latin-1") if _is_brief(raw) else raw
        if isinstance(data, bytes) and len(data) == struct.calcsize(f"{kind.order}{kind.code}"):
            return struct.unpack(f"{kind.order}{kind.code}", data)[0]
    return _Placeholder()


def load_plain(content: bytes) -> object:
    """Return what `content` pickles; NumPy's scalars become plain numbers, other objects placeholders.

    Whatever it is, this takes no longer, and no more memory, than so many bytes can fill.

    Raises:
        BadPickle: it is damaged.
    """
    try:
        return _Restricted(io.BytesIO(content), encoding="utf-8", errors="surrogateescape").load()
    except Exception as error:
        raise BadPickle(f"{type(error).__name__}: {one_line(str(error)[:200])}") from error


def _with_plain_keys(do: Callable[[Any], None], keys: slice) -> Callable[[Any], None]:
    """Return what does `do` where the keys, so many of what lies on the stack, are plain.

    The hash of a few tuples that hold one another would take for ever; so would that of a long number, many times.
    """

    def checked(unpickler: Any) -> None:
        for key in unpickler.stack[keys]:
            is_long = isinstance(key, int) and not -(2**64) < key < 2**64
            if is_long or not isinstance(key, int | float | str | bytes | _Placeholder | None):
                raise BadPickle(f"{short(key)} as a key")
        do(unpickler)

    return checked


_Unpickler: Any = pickle._Unpickler  # noqa: SLF001 - the one in Python, whose memo is as large as what is in it


class _Restricted(_Unpickler):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_Unpickler.dispatch)
    for _code, _keys in (
        (pickle.SETITEM, slice(-2, -1)),
        (pickle.SETITEMS, slice(None, None, 2)),
        (pickle.DICT, slice(None, None, 2)),
        (pickle.ADDITEMS, slice(None)),
        (pickle.FROZENSET, slice(None)),
    ):
        dispatch[_code[0]] = _with_plain_keys(dispatch[_code[0]], _keys)
    del dispatch[pickle.BYTEARRAY8[0]]  # takes any amount of memory, and 0.5.5 wrote none

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._placeholders: dict[str, type] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module == "numpy" or module.startswith("numpy.")) and name == "scalar":
            return _numpy_scalar
        if (module, name) == ("numpy", "dtype"):
            return _NumpyType
        if (module, name) == ("_codecs", "encode"):
            return _latin1  # how protocol 2 writes bytes
        name = one_line(name[:_LONGEST_NAME])
        found = self._placeholders.get(name)
        if found is None:
            if len(self._placeholders) == _MOST_NAMES:
                raise BadPickle("it names too many classes")
            found = self._placeholders[name] = type(name, (_Placeholder,), {})
        return found

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - pickle's signature
        return _Placeholder()


def _latin1(text: object = "", *_: object) -> object:
    return text.encode("latin-1") if _is_brief(text) else _Placeholder()
