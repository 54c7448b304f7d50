"""`nikdev import`: commit the rows of a file."""

from __future__ import annotations

import codecs
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nikdev_iot.cli.folder import open_folder
from nikdev_iot.cli.output import json_option, print_json
from nikdev_iot.cli.progress import Advance, progress_bar
from nikdev_iot.model.errors import ConfigError, ValueRefused

from .cells import Row
from .rows import RowReader
from .selection import Missing, Selection, SelectionOptions
from .source import FORMATS, Source, file_sha256, open_source
from .summary import print_summary, summary_json
from .times import EPOCH_FORMATS, TimeReader
from .zones import zone_named

if TYPE_CHECKING:
    from nikdev_iot.journal.records import BulkReceipt

__all__ = ["import_file", "import_key"]

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "space": " "}
_ROWS_BETWEEN_UPDATES = 500
_F = TypeVar("_F", bound=Callable[..., Any])


def _many(*names: str, metavar: str, about: str, required: bool = False) -> Callable[[_F], _F]:
    return click.option(*names, multiple=True, metavar=metavar, help=about, required=required)


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_many("--time", metavar="COLUMN", required=True, about="Where the time is; given twice, both are joined by a space.")
@click.option(
    "--time-format", metavar="F", help=f"Not ISO 8601 but {', '.join(EPOCH_FORMATS)}, or like '%d.%m.%Y %H:%M'."
)
@click.option("--timezone", metavar="Z", help="Where times without offset were taken: UTC, Europe/Rome, +01:00.")
@click.option("--delimiter", metavar="D", help="What parts the columns: a character, or tab.  [default: found out]")
@_many("--columns", metavar="a,b", about="Only these columns.  [default: all but the time]")
@_many("--missing", metavar="TEXT", about="What stands for no value, exactly as written.")
@_many("--where", metavar="COLUMN=VALUE", about="Only rows with this; the others are not looked at.")
@_many("--rename", metavar="OLD=NEW", about="Field ID of a column, where it is not the column's name.")
@_many("--float", "floats", metavar="COLUMN", about="Make whole numbers of this column floats.")
@_many("--text", "texts", metavar="COLUMN", about="Keep this column as text, whatever is in it.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be read, instead of importing nothing.")
@click.option("--again", is_flag=True, help="Import a file that was imported before.")
@click.option("--dry-run", is_flag=True, help="Read everything, say what would be imported, and import nothing.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), help="What the file is.  [default: found out]")
@click.option("--encoding", default="utf-8", show_default=True, help="How its text is written.")
@json_option
def import_file(
    *,
    file: Path,
    time: tuple[str, ...],
    time_format: str | None,
    timezone: str | None,
    delimiter: str | None,
    missing: tuple[str, ...],
    skip_bad: bool,
    again: bool,
    dry_run: bool,
    file_format: str | None,
    encoding: str,
    as_json: bool,
    **names: tuple[str, ...],
) -> None:
    """Commit the rows of a CSV or JSON file.

    Each row becomes one commit at its own time; each other column a field, its kinds as in `nikdev add`, cell by cell.
    Empty cells are left out. JSON may be an array of objects or one object per line; nested keys are joined by dots,
    and values keep their kinds. If a row cannot be read, it is named with its line and nothing at all is imported.
    Every option that names a column may be given several times.

    \b
    Example:
      nikdev import weather.csv --time timestamp --timezone Europe/Rome --missing -999
      nikdev import log.csv --time Date --time Time --time-format '%m/%d/%Y %H:%M:%S' --timezone UTC
      nikdev import messages.json --time ts --time-format epoch --where device=attic --columns data.temp
    """
    options = SelectionOptions(time=time, **names)
    times = _time_reader(time_format, timezone)
    _check_encoding(encoding)
    with (
        open_source(file, file_format=file_format, delimiter=_delimiter(delimiter), encoding=encoding) as source,
        progress_bar("Importing", "rows", total=file.stat().st_size) as advance,
    ):
        selection = Selection(options, columns=source.columns, repeated=source.repeated)
        reader = RowReader(
            selection=selection,
            times=times,
            missing=Missing(missing),
            typed=source.format != "csv",
            skip_bad=skip_bad,
        )
        rows = reader.commits(_counted(source, advance))
        receipt = None
        if dry_run:
            deque(rows, maxlen=0)
        else:
            receipt = _import(rows, import_key(file, options), again=again, file=file)
    if as_json:
        print_json(summary_json(file, reader.tally, receipt))
    else:
        print_summary(file, reader.tally, receipt)


def import_key(file: Path, options: SelectionOptions) -> str:
    """Return what an import is known by: the file's content, and which of its rows and columns were asked for.

    How they are read (time zone, delimiter, kinds) is not part of it: that would be the same readings a second time.
    """
    chosen = {"columns": sorted(options.columns), "where": sorted(options.where)}
    return f"{file_sha256(file)} {json.dumps(chosen, ensure_ascii=False, sort_keys=True)}"


def _import(rows: Iterable[Any], key: str, *, again: bool, file: Path) -> BulkReceipt:
    from nikdev_iot.journal.errors import AlreadyImported

    with open_folder().open_journal() as journal:
        # Known before a long file is read; `commit_many` looks once more, in the transaction that counts.
        before = None if again else journal.import_seen(key)
        if before is None:
            try:
                return journal.commit_many(rows, import_key=key, again=again)
            except AlreadyImported:  # by another program, while this one was reading
                before = journal.import_seen(key)
        numbers = f", as the commits {before.first} to {before.last}" if before is not None and before.count else ""
        raise ValueRefused(
            f"{file.name} was imported before{numbers}.",
            hint="Nothing was imported. To import it once more: --again",
        )


def _counted(source: Source, advance: Advance) -> Iterator[Row]:
    for count, row in enumerate(source.rows):
        if not count % _ROWS_BETWEEN_UPDATES:
            advance(source.read_bytes(), count)
        yield row


def _time_reader(time_format: str | None, timezone: str | None) -> TimeReader:
    try:
        return TimeReader(time_format=time_format, zone=zone_named(timezone) if timezone else None)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint=f"--{error.key}") from None


def _delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    found = _DELIMITER_NAMES.get(text.lower(), text)
    if len(found) != 1 or found in '"\r\n':
        raise click.BadParameter(f"{text!r} is not one character.", param_hint="--delimiter")
    return found


def _check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise click.BadParameter(f"{name!r} is not known.", param_hint="--encoding") from None
