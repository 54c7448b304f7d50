"""Running `nikdev admin` as a person would, in this process."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nikdev_iot.cli.main import main


@dataclass
class Answer:
    """What came of it."""

    code: int
    out: str
    err: str


@dataclass
class Nikdev:
    """`nikdev admin … --data DIR`."""

    data: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, stdin: bytes = b"") -> Answer:
        """Run it; `--data` is added."""
        return self.bare(*words, "--data", str(self.data), stdin=stdin)

    def bare(self, *words: str, stdin: bytes = b"") -> Answer:
        """Run it as it is."""
        fake = SimpleNamespace(buffer=io.BytesIO(stdin), isatty=lambda: False)
        self.monkeypatch.setattr(sys, "stdin", fake)
        with pytest.raises(SystemExit) as caught:
            main(["admin", *words])
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        code = caught.value.code
        assert isinstance(code, int)
        return Answer(code, out, err)

    def json(self, *words: str, stdin: bytes = b"") -> dict[str, Any]:
        """Run it with `--json`; return what it printed."""
        answer = self(*words, "--json", stdin=stdin)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.count("\n") == 1
        found: dict[str, Any] = json.loads(answer.out)
        return found

    def fails(self, code: int, *words: str, stdin: bytes = b"") -> str:
        """Run it, expecting this exit code; return what it said of it."""
        answer = self(*words, stdin=stdin)
        assert (answer.code, answer.out) == (code, "")
        return answer.err
