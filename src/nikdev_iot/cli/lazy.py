"""A click group that imports a verb's module only when that verb is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from nikdev_iot.model.errors import ConfigError

__all__ = ["LazyGroup", "ReaderGone", "Verb"]


class ReaderGone(Exception):
    """Whoever read what a verb writes stopped reading."""


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a command is, and what is said of it without importing it."""

    place: str
    """`module:attribute`."""
    about: str
    """One line for `--help`; the same as the command's own short help."""
    extra: str = ""
    """The optional part of the distribution that it needs."""


class LazyGroup(click.Group):
    """A group over a table of verbs; listing, help and completion import none of them."""

    def __init__(self, *, verbs: Mapping[str, Verb], **attrs: Any) -> None:
        super().__init__(**attrs)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order of the table, which is the order of use."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the verb and return its command.

        Raises:
            ConfigError: it needs a part that is not installed.
        """
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        module, _, attribute = verb.place.partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            self._say_what_to_install(cmd_name, error)
            raise
        return command  # type: ignore[no-any-return]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; what it imports only while it runs may be missing, too.

        Raises:
            ConfigError: it needs a part that is not installed.
            ReaderGone: instead of `BrokenPipeError`, of which click would make its own exit code.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None
        except ModuleNotFoundError as error:
            self._say_what_to_install(ctx.invoked_subcommand, error)
            raise

    def _say_what_to_install(self, name: str | None, error: ModuleNotFoundError) -> None:
        verb = self.verbs.get(name or "")
        if verb is not None and verb.extra and not (error.name or "").startswith("nikdev_iot"):
            raise ConfigError(
                f"`nikdev {name}` needs {error.name}, which is not installed here.",
                hint=f"Run: pip install 'nikdev-iot[{verb.extra}]'",
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that does not exist is answered with the nearest that does."""
        if args[0] not in self.verbs and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.verbs, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list of verbs from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.about) for name, verb in self.verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb's name from the table."""
        found = [
            CompletionItem(name, help=verb.about) for name, verb in self.verbs.items() if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)
