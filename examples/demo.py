"""A server, and a device that sends this machine's own readings to it: what `make demo` runs.

Everything is done as you would do it, with the `nikdev` command; watch for `run(...)` and `start(...)`. The server's
store is in demo-data/server, the device's folder in demo-data/device; a second run goes on with both. Ctrl-C ends it.

    python examples/demo.py [--port 8321] [--data demo-data] [--every 5]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

NIKDEV = [sys.executable, "-m", "nikdev_iot.cli"]
EMAIL = "demo@example.org"
READY_S = 60
STOP_S = 15


class Ended(Exception):
    """Someone pressed Ctrl-C, or sent SIGTERM."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8321, help="the server's port; a free one is taken if it is in use")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[1] / "demo-data")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two readings")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    started: list[subprocess.Popen[str]] = []
    try:
        demo(options.data, options.port, options.every, started)
    except Ended:
        code = 0
    except Problem as problem:
        say(str(problem))
        code = 1
    else:
        code = 1  # only reached where the server or the device ended by itself
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    stop(started)
    if not code:
        say(f"\nStopped. Everything is kept in {options.data}; the next run goes on with it.")
    return code


def demo(data: Path, port: int, every_s: float, started: list[subprocess.Popen[str]]) -> None:
    store, folder = data / "server", data / "device"
    folder.mkdir(parents=True, exist_ok=True)

    # First the account: a server without one offers a link to make the first.
    device, key = credentials(store, folder)
    server = start("serve", "--no-open", "--port", str(free_port(port)), "--data", str(store), pipe=True)
    started.append(server)
    url = wait_until_ready(server)
    run("init", "--force", "--url", url, "--device", device, "--key-stdin", folder=folder, stdin=key)
    started.append(start("collect", "host", "--every", str(every_s), folder=folder))

    say(f"\n  {url}/   shows the device and its values, as they come")
    note = folder.parent / "account.txt"
    if note.exists():
        email, _, password = note.read_text().strip().partition(" ")
        say(f"  Sign in as {email} with the password {password}\n")
    say(f"  The server keeps its data in {store}, the device its journal in {folder / '.nikdev'}.")
    beside = Path(sys.executable).with_name("nikdev")
    say(f"  To look around: cd {folder}; {beside if beside.exists() else 'nikdev'} status (or log, fetch, doctor)\n")
    watch(folder, every_s, started)


def credentials(store: Path, folder: Path) -> tuple[str, str]:
    """Return Device ID and API key: those of the last run, as long as the server still knows the device."""
    known = folder / ".nikdev" / "config.json"
    if known.exists() and store.exists():
        settings = json.loads(known.read_text())
        devices = json.loads(run("admin", "--data", store, "device", "list", "--json"))["devices"]
        if settings["device"] in {device["device_id"] for device in devices}:
            return settings["device"], settings["key"]
    accounts = []
    if store.exists():
        accounts = json.loads(run("admin", "--data", store, "account", "list", "--json"))["accounts"]
    if EMAIL not in {account["email"] for account in accounts}:
        password = secrets.token_urlsafe(12)
        run("admin", "--data", store, "account", "add", EMAIL, "--password-stdin", stdin=password)
        note = folder.parent / "account.txt"
        note.touch(mode=0o600)
        note.write_text(f"{EMAIL} {password}\n")
    name = socket.gethostname() or "this machine"
    made = run("admin", "--data", store, "device", "add", name, "--account", EMAIL, "--json")
    device = json.loads(made)["device_id"]
    made = run(
        "admin", "--data", store, "key", "add", "--device", device, "--read", "--write", "--name", "demo", "--json"
    )
    return device, json.loads(made)["api_key"]


def watch(folder: Path, every_s: float, started: list[subprocess.Popen[str]]) -> None:
    """Ask the server for the last values, as anyone with a read key can, and say what it has."""
    on_terminal = sys.stdout.isatty()
    said_s = 0.0
    while all(process.poll() is None for process in started):
        time.sleep(min(every_s, 5))
        found = subprocess.run([*NIKDEV, "get", "--json"], cwd=folder, capture_output=True, text=True, check=False)
        values = {} if found.returncode else {v["field_id"]: v["value"] for v in json.loads(found.stdout)["values"]}
        line = ", ".join(
            f"{name} {value}" for name, value in values.items() if name.endswith(("_percent", "_c", "_1m"))
        )
        if line and on_terminal:
            print(f"\r  last values: {line}\x1b[K", end="", flush=True)
        elif line and time.monotonic() - said_s > 60:
            said_s = time.monotonic()
            say(f"  last values: {line}")
    names = ("server", "device")
    ended = next(number for number, process in enumerate(started) if process.poll() is not None)
    raise Problem(f"The {names[ended]} ended with exit code {started[ended].returncode}; its last words are above.")


# -- processes ------------------------------------------------------------------------------------------


class Problem(Exception):
    """Something that has to be seen to before the demo can run."""


def run(*words: str | Path, folder: Path | None = None, stdin: str | None = None) -> str:
    """Run `nikdev` with these words and return what it prints."""
    done = subprocess.run(
        [*NIKDEV, *map(str, words)],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    if done.returncode:
        raise Problem(f"nikdev {' '.join(map(str, words[:4]))} …: {said(done.stderr)}")
    return done.stdout


def said(text: str) -> str:
    """Return what an error of `nikdev` says, with `--json` and without."""
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError):
        return text.strip()
    return f"{error['message']} {error['hint'] or ''}".strip()


def start(*words: str, folder: Path | None = None, pipe: bool = False) -> subprocess.Popen[str]:
    """Start `nikdev` with these words; with `pipe` its output is ours to read."""
    command = [*NIKDEV, *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE if pipe else None, text=True, env=environment())


def environment() -> dict[str, str]:
    """The demo's device is found by its folder, whatever this shell is set to."""
    env = {name: value for name, value in os.environ.items() if name not in {"NIKDEV_DIR", "NIKDEV_URL"}}
    return {"NIKDEV_LOG_LEVEL": "warning", **env}


def wait_until_ready(server: subprocess.Popen[str]) -> str:
    """Return the URL in the line that a server prints when it is ready."""
    assert server.stdout is not None
    signal.signal(signal.SIGALRM, lambda *_: server.kill())
    signal.alarm(READY_S)
    line = server.stdout.readline()
    signal.alarm(0)
    found = re.search(r"https?://[^\s/]+", line)
    if found is None:
        raise Problem(f"The server did not start (exit code {server.wait()}).")
    return found[0]


def free_port(wanted: int) -> int:
    """Return `wanted`, or 0 for any free port where another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            say(f"Port {wanted} is in use by another program; taking a free one.")
            return 0
    return wanted


def stop(started: list[subprocess.Popen[str]]) -> None:
    """End the device, then the server: a last push still finds it."""
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Ended


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
