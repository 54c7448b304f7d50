"""Which columns of a file become which fields, and which rows count: what the options mean for one file. Pure."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from nikdev_iot.cli.assignments import split_assignment
from nikdev_iot.cli.kinds import number_of
from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import check_field_id

from .cells import FileRefused, Row, text_of

__all__ = ["As", "Missing", "Selection", "SelectionOptions", "Target"]

_NOTHING_DONE = "Nothing was imported."


class As(Enum):
    """How the cells of a column become values."""

    CELL = "cell"
    """Each by itself: `21` int, `21.0` float, and so on."""
    FLOAT = "float"
    """The same, and whole numbers become floats."""
    TEXT = "text"
    """As text, whatever stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionOptions:
    """The options of `nikdev import` that name columns, as they were typed."""

    time: tuple[str, ...]
    columns: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()
    floats: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What becomes of a column."""

    field_id: str
    how: As


class Missing:
    """The texts that stand for no value, exactly as written; `numbers` are what some of them mean as numbers."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = frozenset(text.strip() for text in texts)
        self.numbers = frozenset(number for text in self.texts if (number := number_of(text)) is not None)


class Selection:
    """The options, resolved for one file.

    `columns` are the file's, None where they are not known beforehand (JSON); then names are checked by `check_seen`.

    Raises:
        FileRefused: an option names a column that is not there, or that is there twice; a column that is no Field ID.
    """

    def __init__(
        self,
        options: SelectionOptions,
        *,
        columns: Collection[str] | None = None,
        repeated: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        known = () if columns is None else columns
        self.time = options.time
        self._wanted = dict.fromkeys(_names(options.columns, known)) if options.columns else None
        self._floats = frozenset(_names(options.floats, known))
        self._texts = frozenset(_names(options.texts, known))
        self._renames = dict(split_assignment(text, names=known, what="OLD=NEW") for text in options.rename)
        self.where: dict[str, frozenset[str]] = {}
        for text in options.where:
            column, value = split_assignment(text, names=known, what="COLUMN=VALUE")
            self.where[column] = self.where.get(column, frozenset()) | {value.strip()}
        if both := self._floats & self._texts:
            raise FileRefused(f"The column {min(both)!r} cannot be both --float and --text.", hint=_NOTHING_DONE)
        if columns is not None:
            self.check_seen(columns)
            self._check_repeated(repeated or {})
            self._check_fields([column for column in columns if self._is_wanted(column)])

    def target_of(self, column: str) -> Target | None:
        """Return what becomes of a column, None where it is left out.

        Raises:
            FileRefused: its name cannot be a Field ID.
        """
        if not self._is_wanted(column):
            return None
        how = As.TEXT if column in self._texts else As.FLOAT if column in self._floats else As.CELL
        field_id = self._renames.get(column, column)
        try:
            return Target(check_field_id(field_id), how)
        except ValueRefused as error:
            hint = f"{_NOTHING_DONE} Give it another name with --rename '{column}=NAME', or choose with --columns."
            raise FileRefused(f"The column {error.message}", field_id=field_id, hint=hint) from None

    def admits(self, row: Row) -> bool | None:
        """Say whether `--where` lets the row in; None where the row breaks off before that can be seen."""
        for column, texts in self.where.items():
            if column not in row.cells and row.problem:
                return None
            if text_of(row.cells.get(column)) not in texts:
                return False
        return True

    def check_seen(self, columns: Collection[str]) -> None:
        """Check that every column that an option names is among the file's.

        Raises:
            FileRefused: one is not.
        """
        named = {
            "--time": self.time,
            "--columns": self._wanted or (),
            "--where": self.where,
            "--rename": self._renames,
            "--float": self._floats,
            "--text": self._texts,
        }
        for option, names in named.items():
            for name in names:
                if name not in columns:
                    raise _no_column(option, name, columns)

    def _is_wanted(self, column: str) -> bool:
        return column not in self.time if self._wanted is None else column in self._wanted

    def _check_repeated(self, repeated: Mapping[str, tuple[int, ...]]) -> None:
        for name, numbers in repeated.items():
            if self._is_wanted(name) or name in self.time or name in self.where:
                listed = " and ".join(map(str, numbers))
                raise FileRefused(
                    f"The columns {listed} have the same name {name!r}, so its values cannot be told apart.",
                    hint=f"{_NOTHING_DONE} Choose other columns with --columns, or rename one in the file.",
                )

    def _check_fields(self, columns: Iterable[str]) -> None:
        taken: dict[str, str] = {}
        for column in columns:
            target = self.target_of(column)
            if target is None:  # pragma: no cover - only wanted columns are given
                continue
            if target.field_id in taken:
                raise FileRefused(
                    f"{taken[target.field_id]!r} and {column!r} would become one field {target.field_id!r}.",
                    hint=f"{_NOTHING_DONE} Choose another name with --rename.",
                )
            taken[target.field_id] = column


def _names(texts: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the names in `a,b` and `c`; a name with a comma stands alone, or in quotes as in CSV."""
    names: list[str] = []
    for text in texts:
        if text in known:
            names.append(text)
        else:
            names += [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]
    return names


def _no_column(option: str, name: str, columns: Collection[str]) -> FileRefused:
    near = get_close_matches(name, columns, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(list(columns)[:30])
    more = f" and {len(columns) - 30} more" if len(columns) > 30 else ""
    return FileRefused(
        f"The file has no column {name!r} ({option}).", hint=f"{_NOTHING_DONE} {hint}Its columns: {listed}{more}."
    )
