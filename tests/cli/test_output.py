from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from tests.cli.running import API_KEY, DEVICE_ID, nikdev, nikdev_command
from tests.client.networks import json_reply, scripted, url_of

from nikdev_iot.cli.folder import open_folder
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


def test_tables_escape_what_is_in_their_cells(capsys):
    print_table(("A", "B"), [("x\x1b[2J\n", "1")])
    assert capsys.readouterr().out == "A           B\nx\\x1b[2J\\n  1\n"


def test_json_is_the_same_and_commands_no_terminal(capsys):
    print_json({"x": HOSTILE})
    out = capsys.readouterr().out
    assert json.loads(out) == {"x": HOSTILE}
    assert out.rstrip("\n").isprintable()


HOSTILE = "ok\x1b]0;title\x07\x9b2J\u202ecod\x7f"


def is_harmless(text):
    return text.replace("\n", "").isprintable()


def test_what_is_in_the_journal_commands_no_terminal(alone):
    alone.commit("a\u202eb=1", message=f"{HOSTILE}\nsecond line")
    nikdev("add", "a\u202eb=1")
    with open_folder().open_journal() as journal:
        journal.set_rejected({1: "no"})
        path = journal.path
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE holes SET reason = ?", (HOSTILE,))
    connection.close()
    for words in (("add", "b\u202e=1"), ("status",), ("log",), ("show", 1), ("rejected",)):
        done = nikdev(*words)
        assert (done.code, done.err) == (0, "")
        assert "\\u202e" in done.out
        assert is_harmless(done.out)
    assert "\n    second line\n" in nikdev("show", 1).out


def test_what_a_server_says_commands_no_terminal(tmp_path):
    def reply(request):
        if request.path == "/api/v1/":
            return json_reply(200, {"name": "nikdev-iot", "version": HOSTILE, "server_time_us": 0})
        if request.path.startswith("/api/v1/values"):
            value = {"a\u202eb": {"value": HOSTILE, "timestamp": 1}}
            return json_reply(200, {"data": {"servertime": 1, "values": [value]}})
        return json_reply(500, {"message": HOSTILE})

    with scripted(reply) as port:
        nikdev("init", "--url", url_of(port), "--device", DEVICE_ID, "--key", API_KEY)
        nikdev("add", "a=1")
        nikdev("commit")
        for words in (("get",), ("doctor",), ("push",), ("fetch",)):
            done = nikdev(*words)
            assert "u202e" in done.out + done.err
            assert is_harmless(done.out + done.err)


def test_history_is_written_as_it_is_except_to_a_terminal(device):
    nikdev("add", "--text", f"t={HOSTILE}")
    nikdev("commit")
    assert nikdev("push").code == 0
    forms = ("csv", "json", "jsonl")
    assert all(HOSTILE in json.loads(f'"{found}"') for found in _found(forms[1:]))
    assert HOSTILE in nikdev("fetch").out
    for form in forms:
        text = _on_a_terminal("fetch", "--format", form)
        assert "\\u202ecod" in text
        assert is_harmless(text)


def _on_a_terminal(*words):
    """Return what a process of `nikdev` writes to a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    done = subprocess.run(nikdev_command(*words), stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=True)
    os.close(theirs)
    assert done.stderr == b""
    written = b""
    with contextlib.suppress(OSError):  # what Linux says at the end
        while part := os.read(ours, 65_536):
            written += part
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def _found(forms):
    """Return the text as JSON has it, of each form."""
    for form in forms:
        out = nikdev("fetch", "--format", form).out
        yield out[out.index("ok") : out.index("\x7f") + 1]


def test_marks_in_letters_where_signs_cannot_be_shown(monkeypatch):
    assert "✓" in mark(ok=True)
    assert "✗" in mark(ok=False)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert "ok" in mark(ok=True)
    assert "FAIL" in mark(ok=False)
