"""Real processes for the journal's tests: each runs a piece of Python of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PRELUDE = """
import os, sys, threading, time
from pathlib import Path
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.errors import *
from nikdev_iot.model.errors import JournalError
path = Path(sys.argv[1])
"""


def start(code, path, *args):
    """Start a process; it reads lines from its stdin and its stdout is read line by line."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(code), str(path), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Wait for its end and return what it printed, as lines."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.splitlines()


def run(code, path, *args):
    """Run a process to its end and return what it printed, as lines."""
    return finish(start(code, path, *args))


def kill(process):
    """End it as a power cut would, as far as a process can tell."""
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
