"""What the devices of the suite measure: values of all kinds by chance, and rows of real recordings."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

from tests.e2e.recordings import RECORDINGS

__all__ = ["Row", "random_values", "recorded_rows"]

Row = dict[str, object]
_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_ROWS_EACH = 150
_TEXTS = ("", "nil", "é ü ß", "読み取り", "\U0001f321", "a\nb\t\0c", "'; --", "x" * 2_000)
_FLOATS = (0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.5, 21.0, 0.1)
_INTS = (0, -1, 21, 2**53 + 1, 2**63 - 1, -(2**63))


def recorded_rows() -> list[Row]:
    """Return the first rows of each recording; none where they are not beside the project."""
    rows: list[Row] = []
    for recording in RECORDINGS:
        path = _DATA / recording.file
        if path.is_file():
            rows += [values for _, values in islice(recording.rows(path), _ROWS_EACH)]
    return rows


def random_values(chance: random.Random) -> Row:
    """Return one to six values; a field may be of another kind than before."""
    return {f"f{chance.randrange(8)}": _value(chance) for _ in range(chance.randrange(1, 7))}


def _value(chance: random.Random) -> object:
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(_FLOATS) if chance.random() < 0.3 else chance.uniform(-1e6, 1e6)
    if kind == 1:
        return chance.choice(_INTS) if chance.random() < 0.3 else chance.randrange(-(2**63), 2**63)
    if kind == 2:
        return chance.random() < 0.5
    return chance.choice(_TEXTS)
