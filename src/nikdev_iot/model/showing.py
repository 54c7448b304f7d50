"""Texts and values from elsewhere, put so that a message or a terminal can show them whatever they are."""

from __future__ import annotations

__all__ = ["one_line", "short", "visible"]

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
"""Unicode's category Cc: with these, a text commands the terminal that shows it."""
_TURNING = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Marks that turn the direction of what follows, and Unicode's own ends of lines: with these, it shows another text."""
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}" for code in (*_CONTROLS, *_TURNING)}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_MOST_CHARS = 80
_HEAD_CHARS = 60


def visible(text: str, *, keep: str = "") -> str:
    r"""Return `text` with control characters (but those to `keep`) and marks of direction as `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    escapes = _ESCAPES if not keep else {code: seen for code, seen in _ESCAPES.items() if chr(code) not in keep}
    return text.translate(escapes).encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Return `text` visible and on one line, each run of white space as one space."""
    return visible(" ".join(text.split()))


def short(value: object) -> str:
    """Return what a value is in at most about 100 characters, quickly, and whatever it is."""
    try:
        if isinstance(value, str | bytes | bytearray) and len(value) > _MOST_CHARS:
            unit = "characters" if isinstance(value, str) else "bytes"
            return f"{value[:_HEAD_CHARS]!r}… ({len(value)} {unit})"
        # A few tuples that hold one another are a text of any length.
        text = _container(value) if isinstance(value, tuple | list | dict | set | frozenset) else repr(value)
    except Exception:  # noqa: BLE001 - a stranger's repr may do anything, and this is an error path
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_CHARS else f"{text[:_HEAD_CHARS]}… ({len(text)} characters)"


def _container(value: object) -> str:
    from reprlib import Repr

    brief = Repr()
    brief.maxlevel = 2
    return brief.repr(value)
