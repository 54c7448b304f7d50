"""What people may write into names, labels and e-mail addresses."""

from __future__ import annotations

import re

from nikdev_iot.server.errors import Invalid

__all__ = ["MAX_EMAIL_CHARS", "MAX_NAME_CHARS", "check_email", "check_text"]

MAX_NAME_CHARS = 100
MAX_EMAIL_CHARS = 254
"""RFC 5321: a path has 256 characters, with its angle brackets."""

# Not RFC 5322: a person typing is to be told of a slip, and only a mail that arrives proves an address.
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\.]+(\.[^\s@,;:<>()\[\]\"\\.]+)*")


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


def _printable(text: str) -> bool:
    # Space characters other than the plain one are not "printable", and a unit or name may have them ("°C m⁻²").
    return all(char.isprintable() or char in "\u00a0\u2009\u202f" for char in text)
