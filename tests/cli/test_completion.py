from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from tests.cli.running import nikdev, nikdev_process


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell):
    done = nikdev("completion", shell)
    assert done.code == 0
    assert "_NIKDEV_COMPLETE" in done.out
    program = shutil.which(shell)
    if program:
        flag = "--no-execute" if shell == "fish" else "-n"
        checked = subprocess.run(
            [program, flag], input=done.out, text=True, capture_output=True, timeout=20, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell():
    assert nikdev("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("words", "at", "found"),
    [
        ("nikdev st", 1, {"status"}),
        ("nikdev re", 1, {"reset", "rejected"}),
        ("nikdev fetch --f", 2, {"--format"}),
        ("nikdev fetch --format js", 3, {"json", "jsonl"}),
        ("nikdev collect ", 2, {"host"}),
    ],
)
def test_what_is_completed(words, at, found):
    done = nikdev_process(
        _NIKDEV_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(at), LANG=os.environ.get("LANG", "C.UTF-8")
    )
    assert {line.partition(",")[2] for line in done.out.splitlines()} == found
