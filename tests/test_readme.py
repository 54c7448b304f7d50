"""The README's snippets, run in order as they are printed, against the server that its own command starts.

A comment above each snippet says how: `serve` (it stays running), `run` (one shell for all of them), `python` (a
program started from that shell), or `skip, REASON`. Only the port is another one.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PORT = "8321"

_SNIPPET = re.compile(
    r"(?:<!-- test: (?P<how>[^\n]*?) -->\n)?^```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    language: str
    how: str
    text: str


def _snippets() -> list[Snippet]:
    text = (ROOT / "README.md").read_text()
    return [Snippet(found["language"], found["how"] or "", found["text"]) for found in _SNIPPET.finditer(text)]


SNIPPETS = _snippets()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@dataclass(frozen=True)
class Tour:
    folder: Path
    output: str
    error: str
    code: int


def _script(port: str, folder: Path) -> str:
    """All that a reader types in the second terminal."""
    parts = []
    for number, snippet in enumerate(SNIPPETS):
        text = snippet.text.replace(PORT, port)
        if snippet.how == "run":
            parts.append(text)
        elif snippet.how == "python":
            program = folder / f"snippet_{number}.py"
            program.write_text(text)
            parts.append(f"python {program}\n")
    return "\n".join(parts)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    folder = tmp_path_factory.mktemp("tour")
    (folder / "home").mkdir()
    (serve,) = [snippet for snippet in SNIPPETS if snippet.how == "serve"]
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NIKDEV_", "XDG_"))},
        "HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NIKDEV_PORT": port,  # for `nikdev serve`
        "NIKDEV_URL": f"http://127.0.0.1:{port}",  # for `Api`
    }
    server = subprocess.Popen(
        ["bash", "-c", f"exec {serve.text}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        ready = server.stdout.readline()
        assert f"http://127.0.0.1:{port}" in ready, ready
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _script(port, folder)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        yield Tour(folder, done.stdout, done.stderr, done.returncode)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()
    assert server.returncode == 0


def test_every_snippet_says_how_it_is_tested() -> None:
    assert {snippet.how.partition(",")[0] for snippet in SNIPPETS} == {"run", "serve", "python", "skip"}
    assert all(re.fullmatch(r"run|serve|python|skip, .{10,}", snippet.how) for snippet in SNIPPETS)


def test_the_tour_ends_well(tour: Tour) -> None:
    assert tour.code == 0, f"{tour.output}\n{tour.error}"
    assert "Traceback" not in tour.error


def test_the_first_reading_comes_back_with_its_kinds(tour: Tour) -> None:
    assert re.search(r"^commit 1 of [0-9a-f-]{36}$", tour.output, re.MULTILINE)
    assert re.search(r"^temperature 21\.5 \d+$", tour.output, re.MULTILINE)
    assert re.search(r"^humidity 48 \d+$", tour.output, re.MULTILINE)
    assert re.search(r"^\[\d+\] \[21\.5\]$", tour.output, re.MULTILINE)


def test_history_has_imported_and_own_readings_in_order(tour: Tour) -> None:
    table = tour.output[tour.output.index("time,temperature,humidity\n") :].splitlines()
    rows = [line.split(",") for line in table[1:5]]
    assert [row[1:] for row in rows] == [["17.5", "61"], ["17.75", "60"], ["21.5", "48"], ["22", "47"]]
    assert rows[0][0].startswith("2024-11-21T07:00:00")
