"""Rows become commits: times, kinds, missing values, bad rows, and the count of it all. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nikdev_iot.cli.kinds import as_float, value_of
from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import Kind, Value, check_value, kind_of

from .cells import Cell, FileRefused, Row, text_of
from .selection import As, Missing, Selection, Target
from .times import TimeReader

__all__ = ["BadRows", "FieldTally", "LineNote", "RowReader", "Tally"]

LISTED = 10
"""How many bad rows, and how many local times that never were, are listed one by one."""


class BadRows(ValueRefused):
    """Rows that cannot be read, so that none was imported; `problems` lists the first of them."""

    def __init__(self, message: str, *, problems: list[LineNote], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LineNote:
    """Something to say about one line."""

    line: int
    text: str
    item: int | None = None
    """Of a JSON array, from 1."""

    @classmethod
    def of(cls, row: Row, text: str) -> LineNote:
        """Say `text` about a row."""
        return cls(row.line, text, row.item)

    @property
    def place(self) -> str:
        """Where it is."""
        return f"line {self.line}" if self.item is None else f"line {self.line}, item {self.item}"

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(slots=True)
class FieldTally:
    """What became of the cells of one field."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    empty: int = 0
    missing: int = 0


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    rows: int = 0
    """All but blank ones."""
    commits: int = 0
    values: int = 0
    blank: int = 0
    """Rows in which every cell is empty."""
    without_values: int = 0
    """Rows with a time and nothing else to keep."""
    elsewhere: int = 0
    """Rows that `--where` leaves out."""
    bad: int = 0
    problems: list[LineNote] = field(default_factory=list)
    """The first bad ones."""
    never: int = 0
    """Rows at a local time that the clock was put forward over."""
    never_lines: list[LineNote] = field(default_factory=list)
    like_missing: Counter[str] = field(default_factory=Counter)
    """Cells that were kept, and are the same number as a text that stands for no value, in another spelling."""
    first_us: int | None = None
    last_us: int | None = None
    fields: dict[str, FieldTally] = field(default_factory=dict)


class RowReader:
    """Gives a file's rows as commits, and counts in `tally`.

    Rows that `selection.where` leaves out are not looked at any further. `typed` says that cells have kinds of their
    own (JSON): a text in them stays one, where a CSV cell is a number if it looks like one.
    """

    def __init__(
        self,
        *,
        selection: Selection,
        times: TimeReader,
        missing: Missing,
        typed: bool = False,
        skip_bad: bool = False,
    ) -> None:
        self.tally = Tally()
        self._selection = selection
        self._times = times
        self._missing = missing
        self._typed = typed
        self._skip_bad = skip_bad
        self._targets: dict[str, tuple[Target, FieldTally] | None] = {}

    def commits(self, rows: Iterable[Row]) -> Iterator[tuple[int, dict[str, Value], None]]:
        """Give (time in µs UTC, values, no message) of each row that has values.

        Once a row is bad, and bad ones are not to be skipped, the others are only looked through, to list all that is
        wrong; the error comes at the end.

        Raises:
            BadRows: there were bad rows.
            FileRefused: times are local and no zone was given, an option names a column that no row has, or no row is
                let in by `--where`.
        """
        tally = self.tally
        for row in rows:
            try:
                found = self._read(row)
            except FileRefused as error:
                raise FileRefused(str(LineNote.of(row, error.message)), hint=error.hint) from None
            except ValueRefused as error:
                tally.bad += 1
                if len(tally.problems) < LISTED:
                    tally.problems.append(LineNote.of(row, error.message))
                continue
            if found is None or (tally.bad and not self._skip_bad):
                continue
            time_us, values = found
            tally.commits += 1
            tally.values += len(values)
            tally.first_us = time_us if tally.first_us is None else min(tally.first_us, time_us)
            tally.last_us = time_us if tally.last_us is None else max(tally.last_us, time_us)
            for field_id, value in values.items():
                tally.fields[field_id].kinds[kind_of(value)] += 1
            yield time_us, values, None
        self._finish()

    def _read(self, row: Row) -> tuple[int, dict[str, Value]] | None:
        tally = self.tally
        admitted = self._selection.admits(row)
        if admitted is False:
            tally.rows += 1
            tally.elsewhere += 1
            return None
        cells = row.cells
        if not row.problem and not any(map(text_of, cells.values())):
            tally.blank += 1
            return None
        tally.rows += 1
        if row.problem:
            raise ValueRefused(row.problem)
        targets = self._targets_of(cells)
        time_us, exists = self._times.read([cells.get(column) for column in self._selection.time])
        if not exists:
            tally.never += 1
            if len(tally.never_lines) < LISTED:
                text = " ".join(text_of(cells.get(column)) for column in self._selection.time)
                tally.never_lines.append(LineNote.of(row, text))
        values: dict[str, Value] = {}
        for column, cell in cells.items():
            goal = targets[column]
            if goal is None:
                continue
            target, counts = goal
            value = self._value(target, counts, cell)
            if value is not None:
                if target.field_id in values:
                    raise ValueRefused(f"has the field {target.field_id!r} twice")
                values[target.field_id] = value
        if not values:
            tally.without_values += 1
            return None
        return time_us, values

    def _targets_of(self, cells: Iterable[str]) -> dict[str, tuple[Target, FieldTally] | None]:
        targets = self._targets
        for column in cells:
            if column not in targets:
                target = self._selection.target_of(column)
                counts = self.tally.fields.setdefault(target.field_id, FieldTally()) if target else None
                targets[column] = (target, counts) if target and counts else None
        return targets

    def _value(self, target: Target, counts: FieldTally, cell: Cell) -> Value | None:
        text = text_of(cell)
        if not text:
            counts.empty += 1
            return None
        value: Value
        if text in self._missing.texts:
            counts.missing += 1
            return None
        if target.how is As.TEXT:
            return check_value(target.field_id, cell if type(cell) is str else text)
        as_text = type(cell) is not str or (self._typed and target.how is As.CELL)
        value = check_value(target.field_id, cell) if as_text else value_of(target.field_id, text)
        if type(value) is not bool and value in self._missing.numbers:
            # Kept, because only what was said is left out; but told, because -200.0 beside -200 is seldom a reading.
            self.tally.like_missing[text] += 1
        return as_float(target.field_id, value) if target.how is As.FLOAT else value

    def _finish(self) -> None:
        tally = self.tally
        if self._targets:
            self._selection.check_seen(self._targets)
        if tally.bad and not self._skip_bad:
            count = f"{tally.bad} of {tally.rows} rows" if tally.rows > 1 else "The only row"
            lines = "\n".join(f"  {note}" for note in tally.problems)
            more = f"\n  and {tally.bad - LISTED} more" if tally.bad > LISTED else ""
            raise BadRows(
                f"{count} cannot be read:\n{lines}{more}",
                problems=tally.problems,
                hint="Nothing was imported. Mend the file or the options (a text that stands for no value: "
                "--missing TEXT), or leave these rows out with --skip-bad.",
            )
        if tally.rows and tally.elsewhere == tally.rows:
            wanted = " and ".join(
                f"{column}={' or '.join(sorted(texts))}" for column, texts in self._selection.where.items()
            )
            raise FileRefused(f"None of the {tally.rows} rows has {wanted}.", hint="Nothing was imported.")
