from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from tests.cli.running import nikdev_command

from nikdev_iot.cli.step_table import StepTable
from nikdev_iot.client.connection import ConnectionReport, Step
from nikdev_iot.client.connection.report import Cause, failed, fine, not_tried, note, warning

HOSTILE = "ok\x1b]0;title\x07"


@pytest.fixture
def steps() -> list[Step]:
    return [
        fine("configuration", "all there"),
        note("dns", "no name"),
        warning("tls", "it ends", "renew it"),
        failed("server", "nothing", "Check 'baseUrl'.", Cause.ANSWER),
        not_tried("clock", "server"),
    ]


def shown(steps: list[Step]) -> None:
    table = StepTable()
    table.begin()
    for step in steps:
        table.show(step)
    table.end(ConnectionReport(tuple(steps)), 8)


def test_lines_where_there_is_no_terminal(steps, capsys):
    shown(steps)
    assert capsys.readouterr().out.splitlines() == [
        "✓ ok         configuration  all there",
        "– note       dns            no name",
        "! warning    tls            it ends",
        "                            → renew it",
        "✗ failed     server         nothing",
        "                            → Check the url in .nikdev/config.json.",
        "– not tried  clock          because of 'server'",
        "See to 'server' first: 1 step waits for it. What was committed is kept. (Exit code 8.)",
    ]


def test_signs_that_any_output_can_show(steps, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    shown(steps)
    sys.stdout.flush()
    text = raw.getvalue().decode("ascii")
    assert [line[:2] for line in text.splitlines()] == ["+ ", "- ", "! ", "  ", "x ", "  ", "- ", "Se"]
    assert "-> renew it" in text


@pytest.mark.parametrize(("count", "last"), [(2, "All is well."), (3, "It works. Something should be done about tls.")])
def test_what_it_comes_to(steps, capsys, count, last):
    shown(steps[:count])
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_no_text_commands_the_terminal(capsys):
    shown([failed("server", HOSTILE, HOSTILE, Cause.ANSWER)])
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def test_a_terminal_gets_columns_and_colours(alone):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "70", "PYTHONIOENCODING": "utf-8"}
    child = subprocess.Popen(nikdev_command("doctor"), stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 65_536):
            written += part
    except OSError:  # what Linux says at the end
        pass
    os.close(ours)
    assert child.stderr is not None
    with child.stderr:
        assert child.stderr.read() == b""
    assert child.wait(60) == 6
    text = written.decode()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "\x1b[31m✗ failed" in text
    assert "\x1b[32m✓ ok" in text
    assert all(len(line) <= 70 for line in plain.replace("\r", "\n").splitlines())
    assert "See to 'tcp' first" in plain
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is shown again
