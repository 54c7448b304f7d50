from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from tests.cli.running import nikdev, nikdev_command, nikdev_process

from nikdev_iot._version import __version__


def test_version():
    assert nikdev("--version").out == f"nikdev, version {__version__}\n"


def test_without_a_verb_it_shows_help():
    done = nikdev()
    assert "Commands:" in done.out + done.err
    assert done.code in (0, 2)
    assert (done.out + done.err).startswith("Usage: nikdev [OPTIONS] COMMAND")


def test_an_unknown_verb_is_answered_with_the_nearest():
    done = nikdev("comit")
    assert done.code == 2
    assert "There is no command 'comit'. Did you mean `commit`?" in done.err


def test_an_unknown_option_names_its_help():
    done = nikdev("status", "--jsno")
    assert done.code == 2
    assert "See `nikdev status --help`." in done.err
    assert done.out == ""


def test_an_error_says_what_happened_and_what_to_do():
    done = nikdev("status")
    assert done.code == 3
    assert done.out == ""
    first, second = done.err.splitlines()
    assert first.startswith("nikdev: This is no device's folder")
    assert "nikdev init" in second


def test_an_error_as_json():
    done = nikdev("status", "--json")
    assert done.out == ""
    assert done.error["code"] == "config"
    assert done.error["exit_code"] == done.code == 3
    assert "nikdev init" in done.error["hint"]


def test_a_mistake_in_the_command_line_as_json():
    done = nikdev("show", "--json", "seven")
    assert done.code == 2
    assert done.error["code"] == "usage"
    assert "'seven'" in done.error["message"]


def test_what_stands_behind_two_dashes_is_no_option():
    assert nikdev("add", "--", "--json").err.startswith("nikdev: ")


def test_an_unexpected_error_is_one_line_and_says_how_to_report(monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("a\nfault")

    monkeypatch.setattr("nikdev_iot.cli.status.open_folder", fail)
    done = nikdev("status")
    assert done.code == 1
    assert "Unexpected ZeroDivisionError: a fault" in done.err
    assert "NIKDEV_DEBUG=1" in done.err
    assert "Traceback" not in done.err


def test_the_traceback_comes_when_asked_for(monkeypatch):
    monkeypatch.setenv("NIKDEV_DEBUG", "1")
    done = nikdev("status")
    assert done.code == 3
    assert "Traceback" in done.err


def test_a_disk_error_is_told_as_one(monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("nikdev_iot.cli.status.open_folder", fail)
    done = nikdev("status")
    assert done.code == 5
    assert "/data/x: No space left on device." in done.err


def test_advice_is_in_the_words_of_the_command_line(alone):
    alone.commit("t=1")
    done = nikdev("push")
    assert done.code == 6
    assert "baseUrl" not in done.err
    assert "still queued" in done.err


def test_a_reader_that_stops_reading_ends_it_quietly(alone):
    rows = "\n".join(f"2026-01-01T00:00:{second:02}Z,{second}" for second in range(60))
    (alone.folder / "rows.csv").write_text(f"time,v\n{rows}\n")
    assert nikdev("import", "rows.csv", "--time", "time").code == 0
    # What reads closes its end at once; the command is still loading then.
    script = f"{' '.join(nikdev_command('log', '-n', '60'))}; echo $? >code"
    subprocess.run(["bash", "-c", f"({script}) 2>err | (exec <&-; sleep 1)"], cwd=alone.folder, timeout=60, check=False)
    assert (alone.folder / "err").read_text() == ""
    assert (alone.folder / "code").read_text().strip() == "141"


def test_ctrl_c_is_130_and_no_traceback(tmp_path):
    pipe = tmp_path / "slow.csv"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        nikdev_command("import", pipe, "--time", "t"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    writer = os.open(pipe, os.O_WRONLY)  # returns when the command reads
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    os.close(writer)
    assert process.returncode == 130
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("words", [("status",), ("nothing",)])
def test_nothing_is_coloured_where_nobody_looks(alone, words):
    done = nikdev_process(*words, cwd=alone.folder)
    assert "\x1b[" not in done.out + done.err


def test_json_is_one_line(alone):
    done = nikdev_process("status", "--json", cwd=alone.folder)
    assert done.out.count("\n") == 1
    assert json.loads(done.out)["unpushed"] == 0
