"""Values as pages show them: `js/figures.js` does the same for those that come live."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

from nikdev_iot.model.values import Value

__all__ = ["figure"]

_DIGITS = 7
"""Of a float without a number of decimals: 0.1 + 0.2 is shown as 0.3, and the exact value where one asks for it."""
# Half of a digit counts as one, as in JavaScript and at school; Python's own way is to the nearest even one.
_SHORT = Context(prec=_DIGITS, rounding=ROUND_HALF_UP)
_EXACT = Context(prec=1_200, rounding=ROUND_HALF_UP)
_PLAIN_UP_TO = 1e15
_PLAIN_FROM = 1e-6
_MINUS = "\u2212"
"""The true sign, as charts have it; exact values, which people copy, have the one of programs."""


def figure(value: Value, decimals: int | None = None) -> str:
    """Return a value in words or digits; `decimals` are of numbers alone, None for as many as there are.

    Ints are exact; a float always has a point or an exponent, unless `decimals` is 0.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return _digits(value, decimals).replace("-", _MINUS)


def _digits(value: float, decimals: int | None) -> str:
    if isinstance(value, int):
        return str(value) if not decimals else f"{value}.{'0' * decimals}"
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= _PLAIN_UP_TO:
        return f"{value:.{_DIGITS - 1}e}"
    if decimals is not None:
        return f"{_EXACT.create_decimal_from_float(value).quantize(Decimal(1).scaleb(-decimals), context=_EXACT):f}"
    text = repr(float(_SHORT.create_decimal_from_float(value)))
    if "e" in text:  # as JavaScript writes it: plain down to a millionth, and no zeros before the exponent
        return f"{Decimal(text):f}" if abs(value) >= _PLAIN_FROM else text.replace("e-0", "e-")
    return text
