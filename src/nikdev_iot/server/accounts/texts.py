"""What people may write into names, labels and e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nikdev_iot.server.errors import Invalid

__all__ = [
    "MAX_EMAIL_CHARS",
    "MAX_NAME_CHARS",
    "MAX_NOTE_CHARS",
    "MAX_TAGS",
    "MAX_TAG_CHARS",
    "check_color",
    "check_email",
    "check_note",
    "check_tags",
    "check_text",
]

MAX_NAME_CHARS = 100
MAX_NOTE_CHARS = 2_000
MAX_TAG_CHARS = 30
MAX_TAGS = 20
MAX_EMAIL_CHARS = 254
"""RFC 5321: a path has 256 characters, with its angle brackets."""

# Not RFC 5322: a person typing is to be told of a slip, and only a mail that arrives proves an address.
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\.]+(\.[^\s@,;:<>()\[\]\"\\.]+)*")
# A colour of one's own, or one of the palette's, which looks right in the light and in the dark.
_COLOR = re.compile(r"#[0-9a-f]{6}|series-[1-8]|")


def check_email(email: object) -> str:
    """Return `email` trimmed and in lower case; raises `Invalid` where it is not an address."""
    if not isinstance(email, str):
        raise Invalid(f"An e-mail address is a text; got {type(email).__name__}.")
    email = email.strip().lower()
    if len(email) > MAX_EMAIL_CHARS or not _EMAIL.fullmatch(email) or not _printable(email):
        raise Invalid(f"{email[:60]!r} is not an e-mail address.", hint="Write it like ada@example.org.")
    return email


def check_text(text: object, *, what: str, empty: bool = False) -> str:
    """Return `text` trimmed: at most `MAX_NAME_CHARS` printable characters, and at least one unless `empty`.

    `what` names it in the error, e.g. "The device's name". Raises `Invalid`.
    """
    if not isinstance(text, str):
        raise Invalid(f"{what} is a text; got {type(text).__name__}.")
    text = text.strip()
    if not text and not empty:
        raise Invalid(f"{what} is empty.")
    if len(text) > MAX_NAME_CHARS:
        raise Invalid(f"{what} has {len(text)} characters; the longest has {MAX_NAME_CHARS}.")
    if not _printable(text):
        raise Invalid(f"{what} contains a character that cannot be shown: {text!r}.")
    return text


def check_note(text: object) -> str:
    """Return `text` trimmed, its lines kept: at most `MAX_NOTE_CHARS` printable characters. Raises `Invalid`."""
    if not isinstance(text, str):
        raise Invalid(f"A note is a text; got {type(text).__name__}.")
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    text = "\n".join(lines).strip("\n")
    if len(text) > MAX_NOTE_CHARS:
        raise Invalid(f"The note has {len(text)} characters; the longest has {MAX_NOTE_CHARS}.")
    if not _printable(text.replace("\n", " ").replace("\t", " ")):
        raise Invalid("The note contains a character that cannot be shown.")
    return text


def check_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Return tags trimmed, empty ones left out, and each once, whatever its case. Raises `Invalid`."""
    found: dict[str, str] = {}
    for tag in tags:
        text = check_text(tag, what="A tag", empty=True)
        if "," in text:
            raise Invalid(f"A tag has no comma; got {text!r}.")
        if len(text) > MAX_TAG_CHARS:
            raise Invalid(f"The tag {text!r} has {len(text)} characters; the longest has {MAX_TAG_CHARS}.")
        if text:
            found.setdefault(text.casefold(), text)
    if len(found) > MAX_TAGS:
        raise Invalid(f"These are {len(found)} tags; a device has at most {MAX_TAGS}.")
    return tuple(found.values())


def check_color(color: object) -> str:
    """Return `#rrggbb` in lower case, `series-1` to `series-8`, or '' for one of its own accord. Raises `Invalid`."""
    if not isinstance(color, str):
        raise Invalid(f"A colour is a text; got {type(color).__name__}.")
    color = color.strip().lower()
    if not _COLOR.fullmatch(color):
        raise Invalid(
            f"{color[:20]!r} is no colour.", hint="Write it like #0072b2, or series-1 to series-8 for the palette's."
        )
    return color


def _printable(text: str) -> bool:
    # Space characters other than the plain one are not "printable", and a unit or name may have them ("°C m⁻²").
    return all(char.isprintable() or char in "\u00a0\u2009\u202f" for char in text)
