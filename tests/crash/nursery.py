"""Processes within milliseconds: a parent that has imported everything forks each of them.

usage: python -m tests.crash.nursery MODULE      (requests and answers are JSON lines)

`MODULE` has `prepare()`, called once, and functions that a request names to be run in a child of its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from tests.unmeasured import unmeasured

__all__ = ["Child", "Nursery"]

_ROOT = Path(__file__).resolve().parents[2]
_POLL_S = 0.003


class Nursery:
    """The parent of processes of one kind, as the one who runs the suite sees it. Usable from several threads."""

    def __init__(self, module: str, *, log: Path) -> None:
        self._lock = threading.Lock()
        self._log = log
        with log.open("a") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.nursery", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=_ROOT,
                env=unmeasured(),
            )

    def _ask(self, **request: Any) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            line = ""
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the parent of the processes has ended; {self._log} says why")
        return json.loads(line)

    def spawn(self, function: str, *, log: Path, **arguments: Any) -> Child:
        """Fork a process that calls `function` and writes stdout and stderr to `log`."""
        return Child(self, self._ask(spawn=function, log=str(log), arguments=arguments))

    def reap(self, pid: int) -> int | None:
        """Return how a child ended, as an exit code (-9 for a kill); None while it runs."""
        return self._ask(reap=pid)

    def close(self) -> None:
        """End it, and its children with it."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)
        self._process.stdout.close()  # type: ignore[union-attr]


class Child:
    """A forked process. Its number is nobody else's until `ended` or `kill` has told how it ended."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self._code: int | None = None
        self._reaping = threading.Lock()

    def strike(self) -> None:
        """Send SIGKILL, without waiting for anything."""
        with self._reaping:
            if self._code is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int | None:
        """Return its exit code (-9 for a kill), None while it runs."""
        with self._reaping:
            if self._code is None:
                self._code = self._nursery.reap(self.pid)
            return self._code

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code."""
        until_s = time.monotonic() + timeout_s
        while (code := self.ended()) is None:
            if time.monotonic() > until_s:
                raise TimeoutError(f"process {self.pid} did not end within {timeout_s:g} s")
            time.sleep(_POLL_S)
        return code

    def kill(self) -> int:
        """Kill it with -9; return how it ended, which may have been by itself, before."""
        self.strike()
        return self.wait(60)


def _child(module: Any, function: str, log: str, arguments: dict[str, Any]) -> None:
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, out), (2, out)):
            os.dup2(source, target)
        random.seed()  # the parent's state would be that of all its children
        code = getattr(module, function)(**arguments) or 0
    except BaseException:  # noqa: BLE001 - the log is where it is looked for
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _serve(name: str) -> None:
    module = importlib.import_module(f"tests.crash.{name}")
    module.prepare()
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "spawn" in request:
            sys.stdout.flush()
            pid = os.fork()
            if not pid:
                _child(module, request["spawn"], request["log"], request["arguments"])
            children.add(pid)
            answer: int | None = pid
        else:
            pid, status = os.waitpid(request["reap"], os.WNOHANG)
            children.discard(pid)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _serve(sys.argv[1])
