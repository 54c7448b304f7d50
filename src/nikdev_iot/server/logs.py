"""Logs on stderr: a JSON object per line for programs, plain lines for people.

Never a secret: no headers, no bodies, and of one-time links not what makes them open something.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO, TypeAlias

__all__ = ["HumanLines", "JsonLines", "LogForm", "set_up_logs"]

LogForm: TypeAlias = Literal["auto", "json", "text"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


_ONE_TIME = re.compile(r"(/admin/setup/|/admin/invitations/|/shared/)[^/?&#\s\"]+")


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take the secrets of one-time links out of the addresses of requests."""
    if isinstance(record.args, tuple):
        record.args = tuple(_ONE_TIME.sub(r"\1…", arg) if isinstance(arg, str) else arg for arg in record.args)
    if isinstance(path := getattr(record, "path", None), str):
        record.path = _ONE_TIME.sub(r"\1…", path)
    return True


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


class JsonLines(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …}` and what the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _extras(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class HumanLines(logging.Formatter):
    """`09:30:00 WARNING message  name=value`, in local time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; more where there is a traceback."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        extras = "".join(f"  {name}={value}" for name, value in _extras(record).items())
        line = f"{time} {level}{record.getMessage()}{extras}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up_logs(*, form: LogForm = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send this process's logs to `stream` (stderr); `auto` is text on a terminal and JSON elsewhere."""
    stream = stream or sys.stderr
    if form == "auto":
        form = "text" if stream.isatty() else "json"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else HumanLines())
    handler.addFilter(_without_secrets)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("nikdev_iot").setLevel(level.upper())
    # uvicorn says a line for each step of its life; what is worth saying of it is said by us.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
