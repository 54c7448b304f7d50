"""Staged values in memory, and the journals behind them."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from nikdev_iot.model.errors import JournalError

from .forks import renewed_in_children

TYPE_CHECKING = False  # this module comes with `Api`, the journal with its first use
if TYPE_CHECKING:
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.journal.staged import Token
    from nikdev_iot.model.commits import Receipt
    from nikdev_iot.model.values import Value

    from .config import Config

__all__ = ["Staging"]


class Staging:
    """Apart from `Api`, so that it can outlive it for the moment in which staged values are kept."""

    def __init__(self, config: Config) -> None:
        self._config = config
        renewed_in_children(self, Staging._make_locks)
        self._values: dict[str, Value] = {}
        self._file: Journal | None = None
        self._memory: Journal | None = None
        self._claimed = False
        self._token: Token | None = None
        """The claim on values that earlier programs staged, while their rows are in the journal."""
        self._pid = os.getpid()

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        """Held for moments: adding a value never waits for a disk."""
        self._slow = threading.RLock()
        """Held while the disk is waited for, so that commits keep their order."""

    # -- journals -----------------------------------------------------------------------------------------

    def commits(self) -> Journal:
        """Return the journal that keeps commits."""
        with self._slow:
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
            self._values[field_id] = value

    def staged(self) -> dict[str, Value]:
        """Return what is staged here, and what earlier programs left in the journal."""
        with self._slow:
            staging = self._staging()
            kept = {} if staging is None else staging.peek_staged()
            with self._lock:
                return {**kept, **self._values}

    def commit(self, message: str | None, time_us: int | None) -> Receipt | None:
        """Commit what is staged; on an error it stays staged."""
        with self._slow:
            self._claim()
            with self._lock:
                values, self._values = self._values, {}
            if not values:
                return None
            try:
                try:
                    journal, receipt = self._commit(values, message, time_us)
                except JournalError as error:
                    self.recover(error)
                    self._claim()
                    with self._lock:
                        values, self._values = {**self._values, **values}, {}
                    journal, receipt = self._commit(values, message, time_us)
            except Exception:
                with self._lock:
                    self._values = {**values, **self._values}
                raise
            if self._token is not None:
                if journal is not self._file and self._file is not None:
                    self._file.drop_staged(self._token)
                self._token = None
            return receipt

    def _commit(self, values: dict[str, Value], message: str | None, time_us: int | None) -> tuple[Journal, Receipt]:
        journal = self.commits()
        token = self._token if journal is self._file else None
        return journal, journal.commit(values, message=message, time_us=time_us, unstage=token)

    def recover(self, error: JournalError) -> None:
        """Begin a new journal with what can be read of one that turned out to be damaged; raise any other error."""
        from nikdev_iot.journal.errors import JournalDamaged

        with self._slow:
            if not isinstance(error, JournalDamaged) or self._file is None:
                raise error
            from .opening import save_what_can_be_read

            journal, self._file = self._file, None
            journal.close()
            self._token = None
            self._claimed = False
            save_what_can_be_read(journal.path, error)

    def _claim(self) -> None:
        """Take over, once, what earlier programs staged; what was added since goes before it."""
        if self._claimed:
            return
        staging = self._staging()
        if staging is not None:
            taken = staging.take_staged()
            if taken.values:
                self._token = taken.token
                with self._lock:
                    self._values = {**taken.values, **self._values}
        self._claimed = True

    def reset(self) -> None:
        """Throw away what is staged, and what earlier programs left."""
        from nikdev_iot.model.errors import ConfigError

        with self._slow:
            with suppress(ConfigError):
                self._claim()  # where it is not known which journal, nothing was left in it
            if self._token is not None and self._file is not None:
                self._file.drop_staged(self._token)
                self._token = None
            with self._lock:
                self._values = {}

    # -- the end ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep what is staged for the next program, and let go of the journal."""
        with self._slow:
            if self._pid != os.getpid():
                return  # a forked child: these values are its parent's
            with self._lock:
                values, self._values = self._values, {}
            try:
                if self._config.stage_uncommitted_values and (values or self._token is not None):
                    staging = self._open_file()
                    if self._token is None:
                        staging.stage(values)
                    else:
                        staging.save_staged(values, token=self._token)
            except Exception:
                with self._lock:
                    self._values = {**values, **self._values}
                raise
            self._claimed = False
            self._token = None
            if self._file is not None:
                self._file.close()

    def end(self) -> None:
        """Close where nobody is left to catch an error: log it."""
        try:
            self.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, a traceback at exit helps nobody
            import logging

            logging.getLogger("nikdev_iot.client").error(  # noqa: TRY400 - as above
                "Values that were added and not committed could not be kept: %s", error
            )

    def finish(self) -> None:
        """Do what `end` does, for good: what was in memory alone goes with it."""
        self.end()
        if self._memory is not None:
            self._memory.close()
