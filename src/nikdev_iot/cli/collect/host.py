"""`nikdev collect host`: this machine's own readings."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from nikdev_iot.cli.exit_codes import ExitCode, exit_code_of
from nikdev_iot.cli.folder import open_folder
from nikdev_iot.cli.output import json_option, print_json
from nikdev_iot.cli.wording import for_the_command_line
from nikdev_iot.model.errors import JournalError, NikDevError
from nikdev_iot.model.showing import visible

from .pusher import BackgroundPusher
from .readings import HostReadings, load_psutil

if TYPE_CHECKING:
    from nikdev_iot.client.api import Api

__all__ = ["host", "ticks"]

_FIRST_AFTER_S = 1.0
"""How long the first rates are measured, at most."""
_LAST_PUSH_S = 8.0
"""How long the end waits for what is still being pushed; it stays queued otherwise."""
_ROOT = Path.cwd().anchor or "/"


@click.command()
@click.option("--every", "every_s", type=click.FloatRange(min=0.1), default=5.0, show_default=True, metavar="S")
@click.option("--once", is_flag=True, help="One reading, pushed, and an end.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after so many readings.")
@click.option(
    "--push-every",
    "push_every_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="Push at most so often, in seconds.  [default: after each reading]",
)
@click.option("--no-push", is_flag=True, help="Commit only.")
@click.option("--disk", type=click.Path(exists=True), default=_ROOT, show_default=True, help="Whose space is read.")
@json_option
def host(
    *, every_s: float, once: bool, count: int | None, push_every_s: float, no_push: bool, disk: str, as_json: bool
) -> int:
    """Send this machine's own readings, until it is stopped.

    Processor, load, memory, swap, disk, network and, where there is a sensor, temperature. Each reading is committed,
    then pushed; while the server cannot be reached, commits queue up, and go along with the next push that succeeds.
    Ctrl-C and SIGTERM end it. With --once or --count the exit code says whether the last push succeeded.

    \b
    Example:
      nikdev collect host --every 60
      nikdev collect host --once
    """
    readings = HostReadings(load_psutil(), disk=disk)
    folder = open_folder()
    limit = 1 if once else count
    with folder.open_api() as api, _until_stopped() as stopped:
        # Opened here, so that a journal that cannot be used ends it before it begins.
        queued = api.status().unpushed
        pusher = BackgroundPusher(lambda: _push(api), tell=_tell, every_s=push_every_s)
        if not no_push:
            pusher.start()
        if not as_json and not once:
            waiting = f", {queued} commits queued before" if queued else ""
            click.echo(f"Collecting every {every_s:g} s for {api.config.base_url}{waiting}. Ctrl-C ends it.")
        readings.read()
        for _ in ticks(every_s=every_s, count=limit, stopped=stopped):
            if _commit(api, readings, as_json=as_json):
                pusher.wake()
        if no_push:
            return ExitCode.OK
        code = ExitCode.OK
        if not pusher.stop(timeout_s=_LAST_PUSH_S):
            _tell("The last readings are committed and go along with the next push.")
            code = ExitCode.UNREACHABLE
        elif pusher.error is not None:
            code = exit_code_of(pusher.error) if isinstance(pusher.error, NikDevError) else ExitCode.UNEXPECTED
        # Without an end of its own, it did what it was asked for until it was stopped.
        return ExitCode.OK if limit is None else code


def ticks(
    *, every_s: float, count: int | None, stopped: threading.Event, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Yield when it is time for a reading, until `count` or `stopped`; times that were missed are passed over."""
    due_s = monotonic() + min(every_s, _FIRST_AFTER_S)
    done = 0
    while not stopped.wait(max(due_s - monotonic(), 0)):
        yield
        done += 1
        if done == count:
            return
        late_s = max(monotonic() - due_s, 0)
        due_s += every_s * (int(late_s / every_s) + 1)


def _commit(api: Api, readings: HostReadings, *, as_json: bool) -> bool:
    values = readings.read()
    try:
        for field_id, value in values.items():
            api.add_value(field_id, value)
        receipt = api.commit()
    except JournalError as error:
        # A full disk may have room again later.
        _tell(f"Not committed: {error.message}")
        return False
    if as_json and receipt is not None:
        print_json({"number": receipt.number, "time_us": receipt.time_us, "values": values})
    return receipt is not None


def _push(api: Api) -> int:
    return api.push().pushed


def _tell(line: str) -> None:
    click.echo(visible(for_the_command_line(line)), err=True)


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
