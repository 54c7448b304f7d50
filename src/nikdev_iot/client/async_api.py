"""`AsyncApi`: the verbs of `Api` for asyncio, none of which ever blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from .api import Api

if TYPE_CHECKING:
    from nikdev_iot.journal.records import GoneRange, LogEntry, RejectedCommit
    from nikdev_iot.model.commits import Receipt
    from nikdev_iot.model.times import TimeLike
    from nikdev_iot.model.values import Value

    from .auto_push import PushState
    from .config import Config
    from .connection import ConnectionReport, Step
    from .fetch import Aggregate, Every
    from .push import PushProgress, PushReport
    from .series import History
    from .status import Status
    from .values import FieldValue

__all__ = ["AsyncApi"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Cancelled(Exception):
    """The task that pushed was cancelled: the push ends behind the pack that is on its way."""


class AsyncApi:
    """One device, as `Api`, for a program with an event loop.

    `add_value` is a plain call, everything else is awaited: disk and network are waited for in
    two threads of this object, one for each, so that commits go on while a long push is under way, and keep their
    order. Use it from one event loop.

    A cancelled call has not necessarily not happened: a commit is on disk or it is not, and `log` tells; a cancelled
    push ends behind the pack that is on its way, and the next push goes on there.
    """

    def __init__(self, config: Mapping[str, Any] | Config | None = None) -> None:
        """Take what `Api` takes; raises `ConfigError` likewise."""
        self._api = Api(config)
        self._disk: ThreadPoolExecutor | None = None
        self._network: ThreadPoolExecutor | None = None

    @classmethod
    def from_credentials(cls, device_id: str, api_key: str, **options: Any) -> Self:
        """Make an `AsyncApi` from credentials; `options` are other keys of the configuration."""
        return cls({**options, "deviceId": device_id, "apiKey": api_key})

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self._api.config

    @property
    def push_state(self) -> PushState | None:
        """How pushing in the background stands; None without `autoPush`."""
        return self._api.push_state

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return repr(self._api).replace("<Api", "<AsyncApi", 1)

    async def aclose(self) -> None:
        """Keep staged values for the next program, and let go of files, connections and threads.

        Idempotent; waits for what is under way. The object opens again what a later call needs.

        Raises:
            JournalError: staged values could not be kept; they still are staged here.
        """
        network, self._network = self._network, None
        if network is not None:
            await asyncio.to_thread(network.shutdown, wait=True, cancel_futures=True)
        try:
            await self._on_disk(self._api.close)
        finally:
            disk, self._disk = self._disk, None
            if disk is not None:
                await asyncio.to_thread(disk.shutdown, wait=True)

    # -- storing data ---------------------------------------------------------------------------------

    def add_value(self, field_id: str, value: Any) -> FieldValue:
        """Stage a value for the next commit, as `Api.add_value`; it is a plain call, which touches memory alone."""
        return self._api.add_value(field_id, value)

    async def commit(self, message: str | None = None, time: TimeLike | None = None) -> Receipt | None:
        """Lock the staged values together and return when they are on disk, as `Api.commit`.

        What other tasks stage until the disk's thread begins goes along.
        """
        return await self._on_disk(self._api.commit, message, time)

    async def push(self, progress: Callable[[PushProgress], None] | None = None) -> PushReport:
        """Send all commits that were not sent yet, as `Api.push`; `progress` is called on the event loop."""
        loop = asyncio.get_running_loop()
        is_cancelled = False

        def report(state: PushProgress) -> None:
            if is_cancelled:
                raise _Cancelled
            if progress is not None:
                loop.call_soon_threadsafe(progress, state)

        try:
            return await self._on_network(self._api.push, report)
        except asyncio.CancelledError:
            is_cancelled = True
            raise

    async def commit_and_push(
        self,
        message: str | None = None,
        time: TimeLike | None = None,
        progress: Callable[[PushProgress], None] | None = None,
    ) -> Receipt | None:
        """`commit`, then `push`; returns the commit's receipt, None where nothing was staged."""
        receipt = await self.commit(message, time)
        await self.push(progress)
        return receipt

    async def reset(self) -> None:
        """Delete all staged values, as `Api.reset`."""
        await self._on_disk(self._api.reset)

    async def reset_unpushed_entries(self) -> int:
        """Delete all commits that were not pushed, as `Api.reset_unpushed_entries`."""
        return await self._on_disk(self._api.reset_unpushed_entries)

    # -- looking at it ------------------------------------------------------------------------------------

    async def staged(self) -> dict[str, Value]:
        """Return what is staged, by Field ID, as `Api.staged`."""
        return await self._on_disk(self._api.staged)

    async def status(self) -> Status:
        """Return how much is staged, unpushed and set aside, and where, as `Api.status`."""
        return await self._on_disk(self._api.status)

    async def log(self, limit: int = 20, before: int | None = None) -> list[LogEntry]:
        """Return commits, newest first, as `Api.log`."""
        return await self._on_disk(self._api.log, limit, before)

    async def show(self, number: int) -> LogEntry | None:
        """Return one commit with its values, as `Api.show`."""
        return await self._on_disk(self._api.show, number)

    async def gone(self, number: int) -> GoneRange | None:
        """Return what became of a commit that the journal no longer holds, as `Api.gone`."""
        return await self._on_disk(self._api.gone, number)

    async def rejected(self) -> list[RejectedCommit]:
        """Return the commits that were set aside, as `Api.rejected`."""
        return await self._on_disk(self._api.rejected)

    async def restore_rejected(self, numbers: Iterable[int] | None = None) -> int:
        """Queue commits again that were set aside, as `Api.restore_rejected`."""
        return await self._on_disk(self._api.restore_rejected, None if numbers is None else list(numbers))

    async def test_connection(self, on_step: Callable[[Step], object] | None = None) -> ConnectionReport:
        """Look at everything from the configuration to the disk, as `Api.test_connection`, and report; never raises.

        `on_step` is called on the event loop.
        """
        loop = asyncio.get_running_loop()

        def report(step: Step) -> None:
            if on_step is not None:
                loop.call_soon_threadsafe(on_step, step)

        return await self._on_network(self._api.test_connection, report)

    # -- reading back -------------------------------------------------------------------------------------

    async def get(self, field_ids: str | Iterable[str] | None = None) -> list[FieldValue]:
        """Return the latest value of each field, as `Api.get`."""
        names = field_ids if field_ids is None or isinstance(field_ids, str) else list(field_ids)
        return await self._on_network(self._api.get, names)

    async def fetch(
        self,
        field_ids: str | Iterable[str] | None = None,
        start: TimeLike | None = None,
        end: TimeLike | None = None,
        every: Every | None = None,
        aggregate: Aggregate | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> History:
        """Return history, as `Api.fetch`; `progress` is called on the event loop."""
        loop = asyncio.get_running_loop()
        names = field_ids if field_ids is None or isinstance(field_ids, str) else list(field_ids)

        def report(rows: int) -> None:
            if progress is not None:
                loop.call_soon_threadsafe(progress, rows)

        return await self._on_network(self._api.fetch, names, start, end, every, aggregate, progress=report)

    # -- the two threads ------------------------------------------------------------------------------------

    async def _on_disk(self, call: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        if self._disk is None:
            self._disk = ThreadPoolExecutor(1, thread_name_prefix="nikdev-disk")
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(call, *args, **options))

    async def _on_network(self, call: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        if self._network is None:
            self._network = ThreadPoolExecutor(1, thread_name_prefix="nikdev-network")
        return await asyncio.get_running_loop().run_in_executor(self._network, partial(call, *args, **options))
