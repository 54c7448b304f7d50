"""Which store the verbs of `nikdev admin` work on."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nikdev_iot.model.errors import ConfigError

if TYPE_CHECKING:
    from nikdev_iot.server.storage.port import Storage

__all__ = ["now_us", "open_store", "store_options", "uuid_text"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DATA = f"{__name__}.data"
_DATABASE = f"{__name__}.database"


def store_options(command: _Command) -> _Command:
    """Add `--data` and `--database`, which may stand behind any word of the command; the last one counts."""
    data = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        expose_value=False,
        callback=_keep(_DATA),
        help="The server's data folder, as given to `nikdev serve`.  [env var: NIKDEV_DATA]",
    )
    database = click.option(
        "--database",
        metavar="URL",
        expose_value=False,
        callback=_keep(_DATABASE),
        help="The server's database, as given to `nikdev serve`.  [env var: NIKDEV_DATABASE]",
    )
    return data(database(command))


def _keep(place: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.meta[place] = value  # shared by the contexts of all words of the command

    return keep


@contextmanager
def open_store(*, create: bool = False) -> Iterator[Storage]:
    """Open the store that the options name; without `create` it has to be there.

    Raises:
        ConfigError: the server's part is not installed, or such a database is not known.
        StorageError: the store cannot be opened.
    """
    data, database = _named()
    if database:
        raise _no_database(database, both=data is not None)
    try:
        import nikdev_iot.server.accounts  # noqa: F401 - what it needs is to be missed here
        from nikdev_iot.server.config import default_data_folder
        from nikdev_iot.server.storage.sqlite import SqliteStorage
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("nikdev_iot"):
            raise
        raise ConfigError(
            f"`nikdev admin` needs {error.name}, which is not installed here.",
            hint="Run: pip install 'nikdev-iot[server]'",
        ) from None
    storage = SqliteStorage.open(data or default_data_folder(), create=create, guest=True)
    try:
        yield storage
    finally:
        storage.close()


def _named() -> tuple[Path | None, str | None]:
    """Return what the options say, or, where they say nothing, the environment."""
    meta = click.get_current_context().meta
    if _DATA in meta or _DATABASE in meta:
        return meta.get(_DATA), meta.get(_DATABASE)
    data = os.environ.get("NIKDEV_DATA")
    return Path(data) if data else None, os.environ.get("NIKDEV_DATABASE")


def _no_database(url: str, *, both: bool) -> ConfigError:
    scheme = url.partition(":")[0].lower()
    if both:
        message, hint = "--data and --database were both given.", "A server has one store: give the one it was given."
    elif scheme in ("postgresql", "postgres"):
        message = "PostgreSQL is not supported yet; it comes with a later version."
        hint = "Use --data DIR, the embedded store."
    else:
        # Not the whole URL: it may hold a password.
        message, hint = (
            f"--database: {scheme!r} is no database that nikdev knows.",
            "Use --data DIR, the embedded store.",
        )
    return ConfigError(message, key="--database", hint=f"Nothing was changed. {hint}")


def now_us() -> int:
    """Return the time, µs UTC."""
    return time.time_ns() // 1_000


def uuid_text(value: str) -> uuid.UUID:
    """Read an ID as people see it, 36 characters in any case: a parameter's type."""
    try:
        found = uuid.UUID(value)
    except ValueError:
        found = None
    if found is None or str(found) != value.lower():  # uuid.UUID takes other ways to write one, too
        raise click.BadParameter(f"{value!r} is no ID; one looks like 6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44.")
    return found
