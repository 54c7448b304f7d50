"""Newest values shown ahead of a backlog (`POST live`): a small request now and then between packs.

History keeps its order, and nothing depends on what is shown ahead: where it fails, it is tried again later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from nikdev_iot.model.errors import PushException

from .answers import Answer, NotOurs
from .backoff import delay_s
from .transport import Transport, TransportError

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal

__all__ = ["AHEAD_OF_S", "Previewer"]

AHEAD_OF_S: Final = 5.0
"""A newest commit that is further than this from being sent is shown ahead."""
_EVERY_S: Final = 5.0
_LONGEST_S: Final = 3_600.0
_SAME_EVERY_S: Final = 60.0
"""What was shown is shown again after this time: a server that was started anew has forgotten it."""
_WITHOUT_S: Final = 86_400.0
"""A server that knows nothing of it is asked again after this time."""
_SHARE: Final = 10
"""At most so small a part of a bound on the network goes to what is shown ahead."""
_HEAD_BYTES: Final = 600
"""What the heads of request and answer take, about: more than the body, so that they count."""
_MOST_BYTES: Final = 16 * 1024


class Previewer:
    """Shows the newest commits of one journal to one server. For one thread."""

    def __init__(
        self,
        journal: Journal,
        transport: Transport,
        *,
        now_us: Callable[[], int],
        monotonic_s: Callable[[], float],
        fraction: Callable[[], float],
        bytes_per_s: float | None = None,
    ) -> None:
        self._journal = journal
        self._transport = transport
        self._now_us = now_us
        self._monotonic_s = monotonic_s
        self._fraction = fraction
        self._bytes_per_s = bytes_per_s
        self._failures = 0
        self._next_s = monotonic_s()
        self._shown: tuple[object, int] | None = None
        self._shown_s = 0.0
        self.bytes_sent = 0
        """With what goes around it; so that it counts against a bound on the network."""
        self.last_us: int | None = None
        """When the server showed something last, µs UTC by this device's clock."""

    @property
    def due_in_s(self) -> float:
        """In how many seconds to look again whether there is something to show; 0 for now."""
        return max(0.0, self._next_s - self._monotonic_s())

    def show(self) -> None:
        """Show what is newest, where it is time for it and it is news.

        Raises:
            PushException: the server asks to wait, which holds for packs as well.
            JournalError: the journal could not be read.
        """
        if self.due_in_s:
            return
        self._next_s = self._monotonic_s() + _EVERY_S
        body = self._news()
        if body is None:
            return
        from nikdev_iot.wire.headers import PACK_TYPE, SENT_US

        spent = len(body) + _HEAD_BYTES
        self.bytes_sent += spent
        if self._bytes_per_s is not None:
            self._not_before(_SHARE * spent / self._bytes_per_s)
        headers = {"content-type": PACK_TYPE, SENT_US: str(self._now_us())}
        try:
            answer = self._transport.request("POST", "live", body=body, headers=headers)
        except TransportError as error:
            self._failed(error.message)
            return
        self._take(answer)

    def _news(self) -> bytes | None:
        """Return the body of the request; None where there is nothing to show, or nothing new."""
        from nikdev_iot.wire.pack import NO_EPOCH, encode_content, encode_frame

        pack = self._journal.newest_queued()
        if pack is None:
            return None
        shown, now_s = (pack.origin, pack.last), self._monotonic_s()
        if shown == self._shown and now_s < self._shown_s + _SAME_EVERY_S:
            return None
        self._shown, self._shown_s = shown, now_s
        body = encode_frame(encode_content(pack), epoch=self._journal.epoch or NO_EPOCH)
        return body if len(body) <= _MOST_BYTES else None

    def _take(self, answer: Answer) -> None:
        if answer.ok:
            try:
                said = answer.json()
                again_s, is_shown = float(said["again_after_s"]), said["shown"] is True
            except (NotOurs, LookupError, TypeError, ValueError, OverflowError):
                self._failed(answer.not_ours())
                return
            self._failures = 0
            self._not_before(again_s)
            if is_shown:
                self.last_us = self._now_us()
        elif answer.status in {404, 405} and answer.said() is not None:
            self._next_s = self._monotonic_s() + _WITHOUT_S  # an older server
        else:
            self._failed(answer.explain())
            if answer.status in {429, 503} and answer.retry_after_s is not None:
                raise PushException(
                    answer.explain(),
                    retained_data=True,
                    hint="The commits are still queued.",
                    status=answer.status,
                    retry_after_s=answer.retry_after_s,
                )

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._shown = None
        self._not_before(_EVERY_S * delay_s(self._failures, fraction=self._fraction()))
        logging.getLogger("nikdev_iot").debug("The newest values were not shown ahead of the backlog: %s", why)

    def _not_before(self, in_s: float) -> None:
        self._next_s = max(self._next_s, self._monotonic_s() + min(in_s, _LONGEST_S))
