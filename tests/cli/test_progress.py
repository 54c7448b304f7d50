from __future__ import annotations

import os
import pty
import select
import subprocess
import time

from tests.cli.running import nikdev_command

from nikdev_iot.cli.progress import progress_bar


def test_nothing_is_shown_where_nobody_looks(capsys):
    with progress_bar("Pushing", "commits", total=10) as advance:
        advance(5, 5)
    assert capsys.readouterr() == ("", "")


def _on_terminal(command, cwd):
    """Run a command with its stderr on a terminal; return what it wrote there, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    seen = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break
            if not part:
                break
            seen += part
    code = process.wait(30)
    os.close(ours)
    return seen.decode(), code


def test_a_terminal_gets_a_bar_with_rate_and_time_left(alone):
    (alone.folder / "rows.csv").write_text("t,v\n" + "".join(f"{n},{n}\n" for n in range(40_000)))
    command = nikdev_command("import", "rows.csv", "--time", "t", "--time-format", "epoch")
    seen, code = _on_terminal(command, alone.folder)
    assert code == 0
    assert "Importing" in seen
    assert "rows, " in seen
    assert "/s" in seen
    assert "0:00:0" in seen or "-:--:--" in seen
