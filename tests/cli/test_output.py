from __future__ import annotations

import io
import sys

import pytest

from nikdev_iot.cli.output import counted, mark, print_json, print_table, shown, when


@pytest.mark.parametrize(
    ("value", "text"), [(21, "21"), (21.0, "21.0"), (True, "true"), (False, "false"), ("21", "'21'"), ("", "''")]
)
def test_a_value_shows_its_kind(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 commits"), (1, "1 commit"), (2, "2 commits")])
def test_counts(count, text):
    assert counted(count, "commit") == text


def test_irregular_counts():
    assert counted(2, "entry", "entries") == "2 entries"


def test_times():
    assert when(None) == "never"
    assert when(None, "") == ""
    assert when(1_999_999) == "1970-01-01T00:00:01Z"


def test_json_keeps_letters(capsys):
    print_json({"größe": 1})
    assert capsys.readouterr().out == '{"größe": 1}\n'


def test_tables_are_aligned(capsys):
    print_table(("A", "LONG"), [("x", "1"), ("yyy", "")])
    assert capsys.readouterr().out == "A    LONG\nx    1\nyyy\n"
    print_table(("A",), [])
    assert capsys.readouterr().out == ""


def test_marks_in_letters_where_signs_cannot_be_shown(monkeypatch):
    assert "✓" in mark(ok=True)
    assert "✗" in mark(ok=False)
    assert "–" in mark(ok=False, is_note=True)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert "ok" in mark(ok=True)
    assert "FAIL" in mark(ok=False)
