"""Who looks at which device, and what was stored for them since: the middle between the writer and live streams.

With nobody looking, a push costs one comparison here. What pushes brought is read in a thread, from the pushes
themselves, once per device for all who look at it, and the less often the more there is to do: looking on must not slow
devices down.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from nikdev_iot.server.errors import ServerError, StorageError
from nikdev_iot.server.ingest.entries import EntriesPush
from nikdev_iot.server.ingest.group import EntriesOutcome, Outcome, Push
from nikdev_iot.server.ingest.writer import is_stored
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Device

from .events import MAX_POINTS, LiveEvent, Point, shown
from .streams import PAUSE_S, LiveStream
from .values import ValueReader

__all__ = ["LiveHub", "LiveLimits", "StreamsUsedUp", "TooManyStreams"]

_log = logging.getLogger(__name__)

_ALL_PAUSE_S = 0.5
"""Of a stream of a whole account: it tells of many devices at once."""
_REST = 14
"""The hub rests for this many times what it and the sending took: at most a fifteenth of a core."""
_MAX_REST_S = 0.75
_SEND_S = 100e-6
"""What it takes to send an event to one stream, about."""
_WAITING_PUSHES, _WAITING_BYTES = 128, 512 * 1024
"""Of one device. Beyond it, the newest values are read from the store, and the others are to be asked for."""
_FORGET_S = 10.0
"""Where a value is older than the newest one known, that is looked up again after this time: it may be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """How many may look at once."""

    streams: int = 1_000
    streams_each: int = 20
    """Of one person."""
    streams_of_guests: int = 500
    """Of all who came by a link: however many, those who are signed in find room."""


class TooManyStreams(ServerError):
    """One person has more pages open than there are streams for one."""

    status = 429
    code = "too-many"
    retry_after_s = 30.0


class StreamsUsedUp(ServerError):
    """Too many look at once, or the server is stopping."""

    status = 503
    code = "busy"
    retry_after_s = 30.0


@dataclass(slots=True, eq=False)
class _Topic:
    """A device that somebody looks at."""

    device_id: uuid.UUID
    account_id: uuid.UUID
    streams: set[LiveStream] = field(default_factory=set)
    known: dict[str, Point] | None = None
    """The newest values; None before they were read. Belongs to the reading thread."""
    known_since_s: float = 0.0
    waiting: list[Push] = field(default_factory=list)
    waiting_bytes: int = 0
    has_lost: bool = False
    """Whether there was more than may wait."""
    ahead: dict[str, Point] = field(default_factory=dict)
    """What the device showed ahead of its history since."""
    received_us: int | None = None
    """When the newest of what waits was stored."""


@dataclass(slots=True, eq=False)
class _Job:
    topic: _Topic
    pushes: list[Push]
    has_lost: bool
    ahead: dict[str, Point]
    received_us: int | None
    event: LiveEvent | None = None


class LiveHub:
    """Belongs to the event loop's thread, but for what is said to be read in a thread."""

    def __init__(
        self,
        *,
        newest: Callable[[uuid.UUID], Mapping[str, LatestValue]],
        now_us: Callable[[], int],
        limits: LiveLimits | None = None,
    ) -> None:
        self._newest = newest
        self._now_us = now_us
        self._limits = limits or LiveLimits()
        self._topics: dict[uuid.UUID, _Topic] = {}
        self._accounts: dict[uuid.UUID, set[LiveStream]] = {}
        """Streams of all devices of an account."""
        self._streams: dict[LiveStream, None] = {}
        self._persons: Counter[str] = Counter()
        self._guests = 0
        self._changed: dict[_Topic, None] = {}
        self._is_reading = False
        self._next_s = 0.0
        self._reader = ValueReader()
        self._executor: ThreadPoolExecutor | None = None
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    # -- streams -----------------------------------------------------------------------------------

    @contextmanager
    def open(
        self,
        *,
        person: str,
        account_id: uuid.UUID,
        device_ids: Collection[uuid.UUID] | None,
        is_allowed: Callable[[], Awaitable[uuid.UUID | bool]],
        narrow: Callable[[LiveEvent], LiveEvent | None] | None = None,
        is_guest: bool = False,
    ) -> Iterator[LiveStream]:
        """Lend a stream of these devices (None: all of the account); the caller has made sure that they may be seen.

        `is_allowed` is asked now and then: False or the device that is no longer to be seen end the stream. `narrow`
        takes out of each event what may be seen, where that is not all of a device.

        Raises:
            TooManyStreams: the person has as many as one may have.
            StreamsUsedUp: there are as many as the server has, or it is stopping.
        """
        if self._is_closed:
            raise StreamsUsedUp("The server is stopping.", hint="Try again in a moment.")
        if self._persons[person] >= self._limits.streams_each:
            raise TooManyStreams(
                f"You have {self._limits.streams_each} pages with live values open, which is as many as one may have.",
                hint="Close some; this one shows values without it when it is loaded again.",
            )
        limits = self._limits
        if len(self._streams) >= limits.streams or (is_guest and self._guests >= limits.streams_of_guests):
            raise StreamsUsedUp(
                "As many pages with live values are open as the server has room for.",
                hint="Values are shown when the page is loaded again.",
            )
        stream = LiveStream(
            pause_s=PAUSE_S if device_ids is not None else _ALL_PAUSE_S, is_allowed=is_allowed, narrow=narrow
        )
        self._streams[stream] = None
        self._persons[person] += 1
        self._guests += is_guest
        if device_ids is None:
            self._accounts.setdefault(account_id, set()).add(stream)
        for device_id in device_ids or ():
            self._topic(device_id, account_id).streams.add(stream)
        try:
            yield stream
        finally:
            self._guests -= is_guest
            self._forget(stream, person, account_id, device_ids)

    def _forget(
        self, stream: LiveStream, person: str, account_id: uuid.UUID, device_ids: Collection[uuid.UUID] | None
    ) -> None:
        stream.close()
        del self._streams[stream]
        self._persons[person] -= 1
        if not self._persons[person]:
            del self._persons[person]
        if device_ids is None:
            self._accounts[account_id].discard(stream)
            if not self._accounts[account_id]:
                del self._accounts[account_id]
        for device_id in device_ids or ():
            topic = self._topics.get(device_id)
            if topic is not None:
                topic.streams.discard(stream)
        for topic in [t for t in self._topics.values() if not t.streams and t.account_id not in self._accounts]:
            del self._topics[topic.device_id]

    def _topic(self, device_id: uuid.UUID, account_id: uuid.UUID) -> _Topic:
        topic = self._topics.get(device_id)
        if topic is None:
            topic = self._topics[device_id] = _Topic(device_id, account_id)
        return topic

    def snapshot(self, device_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, LiveEvent]:
        """Return the newest values of devices as events without points; in a thread, for it reads the store."""
        events = {}
        for device_id in device_ids:
            latest = _points(self._newest(device_id))
            events[device_id] = LiveEvent(device_id, None, latest, {})
            topic = self._topics.get(device_id)
            if topic is not None and topic.known is None:
                # What was just read need not be read once more with the first push.
                topic.known, topic.known_since_s = dict(latest), time.monotonic()
        return events

    def close(self) -> None:
        """End all streams, and let no new ones begin. Idempotent."""
        self._is_closed = True
        for stream in list(self._streams):
            stream.close()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    # -- what was stored -------------------------------------------------------------------------------

    def stored(self, pushes: Sequence[Push], outcomes: Sequence[Outcome]) -> None:
        """Take note of pushes that became durable."""
        if not self._streams:
            return
        topics, accounts = self._topics, self._accounts
        for push, outcome in zip(pushes, outcomes, strict=True):
            device = push.device
            topic = topics.get(device.id)
            if topic is None:
                if device.account_id not in accounts:
                    continue
                topic = self._topic(device.id, device.account_id)
            if is_stored(outcome):
                self._note(topic, push, outcome)
        self._begin()

    def previewed(self, device: Device, values: Mapping[str, LatestValue]) -> None:
        """Take note of what a device shows ahead of its history: newest values, and no points of any chart."""
        topic = self._topics.get(device.id)
        if topic is None:
            if device.account_id not in self._accounts:
                return
            topic = self._topic(device.id, device.account_id)
        topic.ahead = _points(values)
        self._changed[topic] = None
        self._begin()

    def _begin(self) -> None:
        if self._changed and not self._is_reading:
            self._is_reading = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(self._next_s, loop.time()), self._read)

    def _note(self, topic: _Topic, push: Push, outcome: Outcome) -> None:
        topic.received_us = self._now_us()
        topic.waiting.append(push)
        topic.waiting_bytes += push.size_bytes
        if (
            len(topic.waiting) > _WAITING_PUSHES
            or topic.waiting_bytes > _WAITING_BYTES
            # Which of them were new is not known here.
            or (isinstance(push, EntriesPush) and isinstance(outcome, EntriesOutcome) and outcome.duplicates)
        ):
            topic.waiting.clear()
            topic.waiting_bytes = 0
            topic.has_lost = True
        self._changed[topic] = None

    def _read(self) -> None:
        """Have read what came, in the thread."""
        if self._is_closed:
            return
        changed, self._changed = self._changed, {}
        jobs = []
        for topic in changed:
            jobs.append(_Job(topic, topic.waiting, topic.has_lost, topic.ahead, topic.received_us))
            topic.waiting, topic.waiting_bytes, topic.has_lost = [], 0, False
            topic.ahead, topic.received_us = {}, None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="nikdev-live")
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._executor, self._work, jobs).add_done_callback(self._publish)

    def _work(self, jobs: Sequence[_Job]) -> tuple[Sequence[_Job], float]:
        """Make the events; in the thread. Return them, and how long it took."""
        begin_s, now_s = time.thread_time(), time.monotonic()
        for job in jobs:
            try:
                event = self._event(job, now_s)
                if event.latest or event.received_us is not None:
                    event.encode()
                    job.event = event
            except StorageError as error:
                _log.warning("live values could not be read: %s", error)
            except Exception:  # noqa: BLE001 - one device's pushes shall not end the others' streams
                _log.exception("live values failed", extra={"device_id": str(job.topic.device_id)})
        return jobs, time.thread_time() - begin_s

    def _event(self, job: _Job, now_s: float) -> LiveEvent:
        topic = job.topic
        brought = self._reader.read(job.pushes)
        newest = brought.newest()
        known = topic.known
        is_late = known is not None and any(name in known and at < known[name][0] for name, (at, _) in newest.items())
        if known is None or job.has_lost or (is_late and now_s > topic.known_since_s + _FORGET_S):
            known = topic.known = _points(self._newest(topic.device_id))
            topic.known_since_s = now_s
        if job.has_lost:
            return LiveEvent(topic.device_id, job.received_us, dict(known), None)
        for name, point in newest.items():
            if name not in known or known[name][0] <= point[0]:
                known[name] = point
        ahead = {name: at for name, at in job.ahead.items() if name not in known or known[name][0] <= at[0]}
        known.update(ahead)
        has_all = brought.is_complete and brought.count <= MAX_POINTS
        return LiveEvent(
            topic.device_id,
            job.received_us,
            {name: known[name] for name in (*newest, *ahead)},
            # Without a point: it comes with the history.
            {**{name: [] for name in ahead}, **brought.points} if has_all else None,
            frozenset(ahead),
        )

    def _publish(self, work: asyncio.Future[tuple[Sequence[_Job], float]]) -> None:
        self._is_reading = False
        if self._is_closed or work.cancelled():
            return
        jobs, spent_s = work.result()
        for job in jobs:
            if job.event is not None:
                streams = [*job.topic.streams, *self._accounts.get(job.topic.account_id, ())]
                for stream in streams:
                    stream.publish(job.event)
                spent_s += _SEND_S * len(streams)
        loop = asyncio.get_running_loop()
        self._next_s = loop.time() + min(max(PAUSE_S, _REST * spent_s), _MAX_REST_S)
        if self._changed:
            self._is_reading = True
            loop.call_at(self._next_s, self._read)


def _points(newest: Mapping[str, LatestValue]) -> dict[str, Point]:
    return {name: (value.time_us, shown(value.value)) for name, value in newest.items()}
