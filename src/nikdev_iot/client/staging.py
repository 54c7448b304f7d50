"""Staged values in memory, and the journals behind them."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from nikdev_iot.model.errors import JournalError

from .forks import renewed_in_children

TYPE_CHECKING = False  # this module comes with `Api`, the journal with its first use
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.journal.outcome import Outcome
    from nikdev_iot.journal.staged import Token
    from nikdev_iot.model.commits import Receipt
    from nikdev_iot.model.values import Value

    from .config import Config

    _T = TypeVar("_T")

__all__ = ["Staging"]

_MOST_JOURNALS = 10
"""So many journals are tried, one after the other, where each is damaged or replaced by the time it is open."""


class _State:
    """What is staged; replaced as a whole, in one assignment, so that an interrupt finds it before or after a step."""

    __slots__ = ("claimed", "keeps_claim", "moving", "outcome", "token", "values")

    def __init__(
        self,
        values: dict[str, Value],
        *,
        token: Token | None = None,
        claimed: bool = False,
        moving: dict[str, Value] | None = None,
        outcome: Outcome | None = None,
        keeps_claim: bool = True,
    ) -> None:
        self.values = values
        """Staged here; it changes in place, where values are added."""
        self.token = token
        """The claim on values that earlier programs staged, while their rows are in the journal."""
        self.claimed = claimed
        """Whether those were taken over."""
        self.moving = moving or {}
        """On their way out of here, the rows of `token` with them: gone if the `outcome` says so, else still staged."""
        self.outcome = outcome
        self.keeps_claim = keeps_claim
        """Whether `claimed` stays when they are gone."""


class Staging:
    """Apart from `Api`, so that it can outlive it for the moment in which staged values are kept.

    Whatever a signal handler interrupts by raising (Ctrl-C), each value is still staged, or in one commit.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._state = _State({})
        renewed_in_children(self, Staging._make_locks)
        self._file: Journal | None = None
        self._memory: Journal | None = None
        self._pid = os.getpid()

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        """Held for moments: adding a value never waits for a disk."""
        self._slow = threading.RLock()
        """Held while the disk is waited for, so that commits keep their order."""
        state = self._state
        if state.outcome is not None:  # in a child: what a thread of its parent was committing is its parent's
            self._state = _State(state.values, claimed=state.claimed)

    # -- journals -----------------------------------------------------------------------------------------

    def commits(self) -> Journal:
        """Return the journal that keeps commits; a new one where another program saved the one that was damaged."""
        with self._slow:
            if self._file is not None and self._file.is_replaced():
                self._leave(self._file)
            return self._commits()

    def _commits(self) -> Journal:
        if self._config.stage_unpushed_entries:
            return self._open_file()
        if self._memory is None:
            from nikdev_iot.journal.journal import Journal

            self._memory = Journal.open(":memory:")
        return self._memory

    def _staging(self) -> Journal | None:
        """Return the journal that keeps staged values; None where none does."""
        return self._open_file() if self._config.stage_uncommitted_values else None

    def _open_file(self) -> Journal:
        if self._file is None:
            from .opening import open_journal

            self._file = open_journal(self._config)
        return self._file

    # -- staged values -------------------------------------------------------------------------------------

    def add(self, field_id: str, value: Value) -> None:
        """Stage a checked value."""
        with self._lock:
            self._state.values[field_id] = value

    def staged(self) -> dict[str, Value]:
        """Return what is staged here, and what earlier programs left in the journal."""
        with self._slow:
            self._settle()
            kept = self._recovering(self._peek)
            with self._lock:
                return {**kept, **self._state.values}

    def _peek(self) -> dict[str, Value]:
        staging = self._staging()
        return {} if staging is None else staging.peek_staged()

    def commit(self, message: str | None, time_us: int | None) -> Receipt | None:
        """Commit what is staged; on an error it stays staged."""
        with self._slow:
            self._settle()
            try:
                return self._recovering(lambda: self._commit(message, time_us))
            finally:
                self._settle()

    def _commit(self, message: str | None, time_us: int | None) -> Receipt | None:
        self._claim()
        if not self._state.values:
            return None
        journal = self._commits()
        state = self._move_out(keeps_claim=True)
        token = state.token if journal is self._file else None
        return journal.commit(state.moving, message=message, time_us=time_us, unstage=token, outcome=state.outcome)

    def _move_out(self, *, keeps_claim: bool) -> _State:
        """Begin to take all that is staged out of here; `_settle` ends it."""
        from nikdev_iot.journal.outcome import Outcome

        outcome = Outcome()
        with self._lock:
            old = self._state
            self._state = state = _State(
                {},
                token=old.token,
                claimed=old.claimed,
                moving=old.values,
                outcome=outcome,
                keeps_claim=keeps_claim,
            )
        return state

    def _settle(self) -> None:
        """End what was begun, also if an interrupt broke it off: what did not get out is staged, as before."""
        state = self._state
        if state.outcome is None:
            return
        if not state.outcome.is_done:
            with self._lock:
                self._state = _State({**state.moving, **state.values}, token=state.token, claimed=state.claimed)
            return
        if state.token is not None:
            if state.keeps_claim and not self._config.stage_unpushed_entries and self._file is not None:
                self._forget_rows(self._file, state.token)
            state.token.release()
        with self._lock:
            self._state = _State(state.values, claimed=state.claimed and state.keeps_claim)

    @staticmethod
    def _forget_rows(journal: Journal, token: Token) -> None:
        """Remove the rows of values that were committed to memory alone."""
        from nikdev_iot.journal.errors import ClaimLost

        with suppress(ClaimLost):  # an interrupt came after this was done
            journal.drop_staged(token)

    def _recovering(self, act: Callable[[], _T]) -> _T:
        """Do it; once more in a new journal, each time that `recover` finds one."""
        from nikdev_iot.journal.errors import JournalReplaced

        left = _MOST_JOURNALS
        while True:
            try:
                return act()
            except JournalError as error:
                left -= 1 if isinstance(error, JournalReplaced) else _MOST_JOURNALS  # a new one is not damaged again
                if left < -1:
                    raise
                self.recover(error)

    def recover(self, error: JournalError) -> None:
        """Begin a new journal with what can be read of one that turned out to be damaged; raise any other error.

        Where another program has done that, its journal is the new one.
        """
        from nikdev_iot.journal.errors import JournalDamaged, JournalReplaced

        with self._slow:
            if isinstance(error, JournalReplaced) and self._file is None:
                return  # as it was being opened
            if not isinstance(error, JournalDamaged | JournalReplaced) or self._file is None:
                raise error
            from .opening import save_what_can_be_read

            path = self._file.path
            self._leave(self._file)
            if isinstance(error, JournalDamaged):
                save_what_can_be_read(path, error)

    def _leave(self, journal: Journal) -> None:
        """Let go of a journal in whose place there is another one, or will be."""
        self._settle()
        self._file = None
        journal.close()
        with self._lock:
            self._state = _State(self._state.values)

    def _claim(self) -> None:
        """Take over, once, what earlier programs staged; what was added since goes before it."""
        if self._state.claimed:
            return
        staging = self._staging()
        values, token = ({}, None) if staging is None else staging.take_staged()
        with self._lock:
            self._state = _State({**values, **self._state.values}, token=token if values else None, claimed=True)

    def reset(self) -> None:
        """Throw away what is staged, and what earlier programs left."""
        with self._slow:
            self._settle()
            try:
                self._recovering(self._reset)
            finally:
                self._settle()

    def _reset(self) -> None:
        from nikdev_iot.model.errors import ConfigError

        with suppress(ConfigError):
            self._claim()  # where it is not known which journal, nothing was left in it
        if self._state.token is None or self._file is None:
            with self._lock:
                self._state = _State({}, claimed=self._state.claimed)
            return
        state = self._move_out(keeps_claim=True)
        self._file.drop_staged(state.token, outcome=state.outcome)

    # -- the end ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep what is staged for the next program, and let go of the journal."""
        with self._slow:
            if self._pid != os.getpid():
                return  # a forked child: these values are its parent's
            self._settle()
            if not self._config.stage_uncommitted_values:
                with self._lock:
                    self._state = _State({})
            else:
                self._recovering(self._keep)
            if self._file is not None:
                self._file.close()

    def _keep(self) -> None:
        if not self._state.values and self._state.token is None:
            return
        staging = self._open_file()
        state = self._move_out(keeps_claim=False)
        try:
            if state.token is None:
                staging.stage(state.moving, outcome=state.outcome)
            else:
                staging.save_staged(state.moving, token=state.token, outcome=state.outcome)
        finally:
            self._settle()

    def end(self) -> None:
        """Close where nobody is left to catch an error: log it."""
        try:
            self._close_or_log()
        except BaseException:  # a second Ctrl-C of one who is impatient: it shall not cost any values
            self._close_or_log()
            raise

    def _close_or_log(self) -> None:
        try:
            self.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, a traceback at exit helps nobody
            import logging

            state = self._state
            fields = ", ".join({**state.moving, **state.values}) or "none of this program's own"
            # The hint of an error of the journal speaks of commits, and says that nothing was lost.
            why = error.message if isinstance(error, JournalError) else error
            logging.getLogger("nikdev_iot.client").error(  # noqa: TRY400 - as above
                "Values that were added and not committed could not be kept; in memory, they end with this "
                "program: %s. %s Every commit that was made is kept.",
                fields,
                why,
            )

    def finish(self) -> None:
        """Do what `end` does, for good: what was in memory alone goes with it."""
        self.end()
        if self._memory is not None:
            self._memory.close()
