"""Pushing: the journal's queue goes to the server, pack by pack, each exactly once (`docs/wire.md`, "Pushing").

Each pack is recorded in the journal before its first byte leaves. After any doubt the server is asked for its mark, and
`settlement.judge` compares hashes; so a lost answer, a killed process or a delayed request neither loses nor doubles.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from nikdev_iot.journal.errors import PushLocked, StalePack
from nikdev_iot.model.clocks import AGREE_US, true_now
from nikdev_iot.model.errors import ConfigError, PushException, WireError

from .ahead import Ahead, Ready, make_ready
from .answers import Answer, NotOurs
from .clock_sync import is_synchronized
from .comparison import DigestPage, read_digests
from .pace import Pace
from .reconciling import Reconciled, go_back, go_back_behind, go_on
from .settlement import SetBack, Stored, Unknown, judge
from .transport import Transport, TransportError

if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.wire.marks import PushAnswer
    from nikdev_iot.wire.pack import Pack

__all__ = ["PushConfigError", "PushProgress", "PushReport", "Pusher"]

_log = logging.getLogger("nikdev_iot")

_FRUITLESS: Final = 5
"""So many answers in a row that bring nothing further end a push: the server contradicts itself."""


class PushConfigError(PushException, ConfigError):
    """Nothing was sent: device ID or API key are missing or cannot be right. The commits are still queued."""


@dataclass(frozen=True, slots=True)
class PushProgress:
    """How far a push is, after each pack."""

    pushed: int
    """Commits that the server acknowledged in this push."""
    total: int
    """Those, and the ones that were queued when it began and still are."""
    bytes_sent: int
    """Bodies of requests, as they went over the network."""


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push that completed did."""

    pushed: int = 0
    rejected: int = 0
    """Commits that the server judged invalid: set aside, with the reason, see `Api.rejected()`."""
    packs: int = 0
    bytes_sent: int = 0
    notices: tuple[str, ...] = ()
    """What the user should know: the server was set back, or another copy of the journal pushed; nothing was lost."""


class Pusher:
    """Pushes one journal to one server; keeps the pace from one push to the next."""

    def __init__(
        self,
        *,
        journal: Journal,
        transport: Transport,
        now_us: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        is_synchronized: Callable[[], bool | None] = is_synchronized,
    ) -> None:
        self.is_synchronized = is_synchronized
        self.has_asked_time = False
        """Whether a server has told its time to this object: it is asked for once, if this boot's is not known."""
        self.journal = journal
        self.transport = transport
        self.now_us = now_us
        self.monotonic = monotonic
        self.pace = Pace()

    def push(self, *, progress: Callable[[PushProgress], None] | None = None) -> PushReport:
        """Send what is queued now; commits made meanwhile may go along, or stay queued.

        Raises:
            PushException: see `retained_data`.
            JournalError: the journal could not be read or written; what is on the server is found out next time.
        """
        if not self.journal.status().unpushed:
            return PushReport()
        try:
            with self.journal.push_lock(self.transport.timeout_s):
                return _Run(self, progress).run()
        except PushLocked as error:
            raise PushException(
                f"Another push of the journal {self.journal.path} is under way.",
                retained_data=True,
                hint="The commits are queued; that push, or your next one, takes them along.",
            ) from error


class _RestoredMeanwhile(Exception):
    """Two answers that belong together are of two incarnations of the server."""


class _Run:
    """One push, under the lock."""

    def __init__(self, pusher: Pusher, progress: Callable[[PushProgress], None] | None) -> None:
        self._journal = pusher.journal
        self._transport = pusher.transport
        self._pace = pusher.pace
        self._pusher = pusher
        self._now_us = pusher.now_us
        self._monotonic = pusher.monotonic
        self._progress = progress
        self._target = self._journal.newest
        self._pushed = self._rejected = self._packs = self._bytes_sent = 0
        self._fruitless = 0
        self._ahead = Ahead()
        self._notices: list[str] = []

    def run(self) -> PushReport:
        if self._left() and (self._journal.epoch is None or self._journal.in_flight() or self._lacks_time()):
            self._ask()
        try:
            while self._left():
                ready = self._ahead.take()
                if ready is None or not self._fits(ready):
                    ready = self._make_ready(self._pace.max_commits)
                if ready is None:
                    break
                self._send(ready)
        finally:
            self._ahead.take()
        return PushReport(self._pushed, self._rejected, self._packs, self._bytes_sent, tuple(self._notices))

    def _lacks_time(self) -> bool:
        return not self._pusher.has_asked_time and not self._journal.knows_time

    def _compare_clocks(self, server_us: int) -> None:
        """Learn what time it is from an answer that just came."""
        self._pusher.has_asked_time = True
        device_us = self._now_us()
        # What the system says is asked only where it matters.
        agree = abs(device_us - server_us) <= AGREE_US
        true_us = true_now(device_us, server_us, is_synchronized=None if agree else self._pusher.is_synchronized())
        if true_us is not None:
            self._journal.learn_time(true_us)

    def _left(self) -> int:
        """Return how many of the commits that were queued when the push began are queued still."""
        return self._journal.queued(up_to=self._target)

    # -- requests ---------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for the mark, and draw the conclusion."""
        self._conclude(self._mark_of(self._journal.origin))

    def _mark_of(self, origin: uuid.UUID) -> PushAnswer:
        try:
            answer = self._transport.request("GET", f"origins/{origin}")
        except TransportError as error:
            self._fail(error)
        if not answer.ok:
            self._refused(answer)
        return self._read(answer)

    def _make_ready(self, max_commits: int, behind: tuple[int, bytes] | None = None) -> Ready | None:
        return make_ready(self._journal, max_commits=max_commits, max_bytes=self._pace.max_bytes, behind=behind)

    def _fits(self, ready: Ready) -> bool:
        """Return whether a pack made ready ahead is what would be made now, as far as the journal does not say."""
        return ready.epoch == self._journal.epoch and ready.pack.row_count <= self._pace.max_commits

    def _send(self, ready: Ready) -> None:
        from nikdev_iot.wire.headers import PACK_TYPE, SENT_US, WAITING

        pack, pack_hash, _, body = ready
        try:
            self._journal.record_sent(pack, pack_hash)
        except StalePack:
            # Another program discarded, dropped or restored commits meanwhile: take a new pack, and one that is made
            # in less time, where that happens all the while.
            self._pace.halve(pack.row_count)
            return
        if pack.last < self._target:
            # As many commits as there will be, if this one is answered fast.
            expected = self._pace.after(pack.row_count)
            self._ahead.begin(partial(self._make_ready, expected, (pack.last, pack_hash)))
        began = self._monotonic()
        try:
            headers = {
                "content-type": PACK_TYPE,
                SENT_US: str(self._now_us()),
                WAITING: str(max(self._left() - pack.row_count, 0)),
            }
            answer = self._transport.request("POST", "packs", body=body, headers=headers)
        except TransportError as error:
            if error.trouble == "timeout":
                self._pace.halve(pack.row_count)
            self._fail(error)
        self._bytes_sent += len(body)
        if answer.ok:
            self._acknowledged(self._read(answer), pack, pack_hash)
            self._pace.answered(self._monotonic() - began, pack.row_count)
        elif answer.status == 409:
            self._conclude(self._read(answer))
        elif answer.status == 413:
            self._too_large(answer, pack)
        elif answer.status == 422 and answer.said() is not None:
            self._set_aside(answer, pack)
        else:
            self._refused(answer)

    def _read(self, answer: Answer) -> PushAnswer:
        from nikdev_iot.wire.marks import PushAnswer

        try:
            found = PushAnswer.from_json(answer.json())
        except (NotOurs, WireError):
            if answer.status == 409 and answer.said() is not None:
                self._refused(answer)
            self._raise(answer.not_ours(), answer)
        self._compare_clocks(found.server_time_us)
        return found

    # -- what follows from an answer ------------------------------------------------------------------

    def _acknowledged(self, answer: PushAnswer, pack: Pack, pack_hash: bytes) -> None:
        if answer.mark.number < pack.last or (answer.mark.number == pack.last and answer.mark.hash != pack_hash):
            self._raise("The server's answer contradicts itself: it stored a pack that its mark does not cover.")
        self._settle(pack_hash)
        self._journal.set_epoch(answer.epoch)

    def _conclude(self, answer: PushAnswer) -> None:
        try:
            if not self._went_behind_fork(answer):
                self._continue_from(answer)
        except _RestoredMeanwhile:
            self._no_progress()  # and the next answer tells what there is now

    def _went_behind_fork(self, answer: PushAnswer) -> bool:
        """Return whether the server was set back to before this origin came to be; then the journal is as well."""
        if answer.mark.number or answer.epoch == self._journal.epoch:
            return False
        before = self._journal.before
        if before is None:
            return False
        found = self._mark_of(before.origin)
        if found.epoch != answer.epoch:
            raise _RestoredMeanwhile
        if found.mark.number >= before.reach:
            return False
        self._reconcile(go_back_behind(self._journal, before, found.mark))
        return True

    def _continue_from(self, answer: PushAnswer) -> None:
        in_flight = self._journal.in_flight()
        verdict = judge(answer.mark, self._journal.acknowledged, in_flight, pushed=self._journal.pushed)
        if isinstance(verdict, SetBack):
            self._reconcile(go_back(self._journal, answer.mark))
        elif isinstance(verdict, Unknown):
            # What one incarnation of a server has acknowledged it has, unless its mark says that it went back.
            known = self._journal.acknowledged.number
            first = known + 1 if answer.epoch == self._journal.epoch and answer.mark.number > known else 1
            pages = self._server_digests(first, answer.mark.number, answer.epoch)
            self._reconcile(go_on(self._journal, answer.mark, pages, first=first))
        elif isinstance(verdict, Stored):
            self._settle(verdict.hash)
            if any(sent.gaps for sent in in_flight):
                # What was restored since that pack was recorded is queued behind the newest now.
                self._target = self._journal.newest
        else:
            if in_flight:
                # Too much for this way, perhaps: a program that is started anew each time must get through as well.
                self._pace.begin_below(min(sent.count for sent in in_flight))
            self._no_progress()
        self._journal.set_epoch(answer.epoch)

    def _reconcile(self, done: Reconciled) -> None:
        """Tell what was done about a server that goes another way, and push what is queued now."""
        self._pushed += done.acknowledged
        self._ahead.take()
        self._target = self._journal.newest  # numbers have another meaning now
        _log.warning("%s", done.notice)
        self._notices.append(done.notice)
        self._no_progress()

    def _server_digests(self, first: int, mark: int, epoch: bytes) -> Iterator[DigestPage]:
        """Yield the server's digests from number `first` up to its mark; all of them are of one incarnation of it."""
        after = first - 1
        while after < mark:
            try:
                answer = self._transport.request("GET", f"origins/{self._journal.origin}/digests?after={after}")
            except TransportError as error:
                self._fail(error)
            if not answer.ok:
                self._refused(answer)
            try:
                digests, following, told_by = read_digests(answer.json())
            except (NotOurs, WireError):
                self._raise(answer.not_ours(), answer)
            if told_by != epoch:
                raise _RestoredMeanwhile
            upto = mark if following is None else min(following, mark)
            if upto <= after:
                self._no_progress(answer)
            yield {number: digest for number, digest in digests.items() if number <= upto}, upto
            after = upto

    def _settle(self, pack_hash: bytes) -> None:
        self._pushed += self._journal.settle(pack_hash)
        self._packs += 1
        self._fruitless = 0
        if self._progress is not None:
            self._progress(PushProgress(self._pushed, self._pushed + self._left(), self._bytes_sent))

    def _too_large(self, answer: Answer, pack: Pack) -> None:
        if pack.row_count > 1:
            self._pace.halve(pack.row_count)
            return
        if answer.said() is None:
            self._refused(answer)  # a proxy's limit, which its owner can lift: nothing is wrong with the commit
        (number,) = pack.numbers()
        self._reject({number: answer.explain()}, answer)

    def _set_aside(self, answer: Answer, pack: Pack) -> None:
        said = answer.said() or {}
        listed = said.get("rejected")
        held = set(pack.numbers())
        reasons = {}
        for item in listed if isinstance(listed, list) else []:
            number = item.get("number") if isinstance(item, dict) else None
            if type(number) is int and number in held:
                reason = item.get("reason")
                reasons[number] = reason if isinstance(reason, str) and reason else said["message"]
        if not reasons:
            self._refused(answer)
        self._reject(reasons, answer)

    def _reject(self, reasons: dict[int, str], answer: Answer) -> None:
        count = self._journal.set_rejected(reasons)
        if not count:
            self._no_progress(answer)
        self._rejected += count

    def _no_progress(self, answer: Answer | None = None) -> None:
        self._fruitless += 1
        if self._fruitless >= _FRUITLESS:
            self._raise("The server's answers contradict one another, and the push gets no further.", answer)

    # -- how a push ends early ------------------------------------------------------------------------

    def _refused(self, answer: Answer) -> NoReturn:
        """Raise for an answer that is neither a success nor about marks."""
        if answer.status in {401, 403} and answer.said() is not None:
            reason = answer.explain()
            count = self._journal.set_all_unpushed_rejected(reason)
            raise PushException(
                reason,
                retained_data=False,
                status=answer.status,
                hint=f"{_commits(count)} left the queue and {_are(count)} set aside in {self._journal.path}. Correct "
                "device ID, API key or its write access, then bring back what was set aside with restore_rejected().",
            )
        self._raise(answer.explain(), answer)

    def _fail(self, error: TransportError) -> NoReturn:
        raise PushException(f"{error.message}. {error.hint}".strip(), retained_data=True, hint=self._kept()) from error

    def _raise(self, message: str, answer: Answer | None = None, *, status: int | None = None) -> NoReturn:
        raise PushException(
            message,
            retained_data=True,
            hint=self._kept(),
            status=answer.status if answer is not None else status,
            retry_after_s=answer.retry_after_s if answer is not None else None,
        )

    def _kept(self) -> str:
        count = self._journal.status().unpushed
        return f"{_commits(count)} {_are(count)} still queued in {self._journal.path}; push again later."


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
