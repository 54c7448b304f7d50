from __future__ import annotations

import pytest

from nikdev_iot.cli.admin.output import print_json, print_table, when


def test_a_table_is_aligned_and_plain_where_it_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "NAME"), [("1", "a long one"), ("22", "")])
    assert capsys.readouterr().out == "ID  NAME\n1   a long one\n22\n"
    print_table(("ID", "NAME"), [])
    assert capsys.readouterr().out == ""


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Büro\n"})
    assert capsys.readouterr().out == '{"name": "Büro\\n"}\n'


def test_times_are_to_the_second() -> None:
    assert when(1_800_000_000_999_999) == "2027-01-15T08:00:00Z"
    assert when(None) == "never"
    assert when(None, "-") == "-"
