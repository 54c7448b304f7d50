from __future__ import annotations

import pytest

from nikdev_iot.server.accounts.texts import (
    MAX_NAME_CHARS,
    MAX_NOTE_CHARS,
    MAX_TAGS,
    check_color,
    check_email,
    check_note,
    check_tags,
    check_text,
)
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


def test_a_note_keeps_its_lines() -> None:
    assert check_note(" a \r\n\n\tb  \n\n") == " a\n\n\tb"
    assert check_note("") == ""
    for text in ("x" * (MAX_NOTE_CHARS + 1), "\x00", "a\x1bb", 5):
        with pytest.raises(Invalid):
            check_note(text)


def test_tags_are_trimmed_and_each_is_there_once() -> None:
    assert check_tags([" roof", "", "Roof", "north side", "  "]) == ("roof", "north side")
    assert check_tags([]) == ()
    for tags in (["a,b"], ["x" * 31], [str(number) for number in range(MAX_TAGS + 1)], [5], ["a\nb"]):
        with pytest.raises(Invalid):
            check_tags(tags)


def test_colours() -> None:
    assert [check_color(text) for text in ("", " #A0b1C2 ", "series-8")] == ["", "#a0b1c2", "series-8"]
    for color in ("red", "#fff", "series-9", "#0072b2;", "url(x)", 5):
        with pytest.raises(Invalid):
            check_color(color)
