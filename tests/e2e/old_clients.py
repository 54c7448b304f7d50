"""The unmodified 0.5.5 client, from the registry, in a folder of its own.

One process imports it, and is forked for each script: importing is most of what a script costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DRIVER = r"""
import json, os, sys, tempfile
import requests, nikdev_iot

for line in sys.stdin:
    script, folder, environment = json.loads(line)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
            os.environ.update(environment)
            os.chdir(folder)
            exec(compile(script, "script", "exec"), {"__name__": "__main__"})
            sys.exit()
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    print(json.dumps([os.waitstatus_to_exitcode(status), *texts]), flush=True)
"""


class OldClient:
    """Runs programs that were written for 0.5.5."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, script: str, folder: Path, *, exit_code: int = 0) -> str:
        """Run a program in `folder`, and return what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Of the machine's proxies it shall know nothing: its servers are here.
        self._process.stdin.write(json.dumps([script, str(folder), {"NO_PROXY": "*"}]) + "\n")
        self._process.stdin.flush()
        found, out, err = json.loads(self._process.stdout.readline())
        assert found == exit_code, err
        return str(out)


@contextmanager
def old_client(folder: Path) -> Iterator[OldClient]:
    """Install 0.5.5 into `folder`, out of reach of our package; requests, which it needs, it does not ask for."""
    install = [
        sys.executable,
        "-I",
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    done = subprocess.run(
        [*install, "nikdev-iot==0.5.5", "requests"], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    driver = f"import sys; sys.path.insert(0, {str(folder)!r})\n{_DRIVER}"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", driver],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield OldClient(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
