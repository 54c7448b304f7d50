from __future__ import annotations

import pytest

from nikdev_iot.server.accounts.texts import MAX_NAME_CHARS, check_email, check_text
from nikdev_iot.server.errors import Invalid


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace+iot@Example.ORG ", "ada.lovelace+iot@example.org"),
        ("ärzte@müller.example", "ärzte@müller.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_addresses(given: str, kept: str) -> None:
    assert check_email(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "ada", "@example.org", "ada@", "a b@c.d", "a@b@c", "a,b@c.d", "a@b..c", "a@.b", "a@b.", "a\n@b.c"),
        *("a@b\0.c", "\ud800@b.c", "x" * 251 + "@b.c", None, 3, b"a@b.c"),
    ],
)
def test_no_addresses(given: object) -> None:
    with pytest.raises(Invalid, match="e-mail address"):
        check_email(given)


def test_texts_are_trimmed_and_bounded() -> None:
    assert check_text("  Büro ☀ 1 ", what="The name") == "Büro ☀ 1"
    assert check_text("x" * MAX_NAME_CHARS, what="The name") == "x" * MAX_NAME_CHARS
    assert check_text(" ", what="The unit", empty=True) == ""
    assert check_text("W\u00a0m⁻²", what="The unit") == "W\u00a0m⁻²"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * 101, "101 characters"),
        ("a\nb", "cannot be shown"),
        ("a\x1b[31m", "cannot be shown"),
        ("\ud800", "cannot be shown"),
        ("a\u202eb", "cannot be shown"),
        (None, "is a text"),
        (5, "is a text"),
    ],
)
def test_texts_that_cannot_be_names(given: object, reason: str) -> None:
    with pytest.raises(Invalid, match=f"^The name.*{reason}"):
        check_text(given, what="The name")
