"""The entry point of `nikdev`: the table of verbs, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from nikdev_iot._version import __version__
from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.showing import visible

from .exit_codes import ExitCode, exit_code_of
from .lazy import LazyGroup, ReaderGone, Verb
from .output import json_text
from .wording import for_the_command_line

__all__ = ["VERBS", "main", "root"]

# Raised since click 8.2 where a group is named without a command; before, click printed the help itself.
_NoArguments: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

_HERE = "nikdev_iot.cli"
VERBS = {
    "init": Verb(f"{_HERE}.init:init", "Make this folder a device's: server, Device ID and API key."),
    "add": Verb(f"{_HERE}.add:add", "Stage values for the next commit."),
    "commit": Verb(f"{_HERE}.commit:commit", "Lock the staged values together, durably."),
    "push": Verb(f"{_HERE}.push:push", "Send every commit that the server does not have yet."),
    "status": Verb(f"{_HERE}.status:status", "Show what is staged, queued and set aside."),
    "log": Verb(f"{_HERE}.log:log", "List commits, newest first."),
    "show": Verb(f"{_HERE}.show:show", "Show one commit with its values."),
    "reset": Verb(f"{_HERE}.reset:reset", "Forget the staged values, or the commits not yet pushed."),
    "get": Verb(f"{_HERE}.get:get", "Print the latest values from the server."),
    "fetch": Verb(f"{_HERE}.fetch:fetch", "Print history from the server, as CSV or JSON."),
    "import": Verb(f"{_HERE}.importing.command:import_file", "Commit the rows of a CSV or JSON file."),
    "collect": Verb(f"{_HERE}.collect.group:collect", "Keep sending readings of this machine."),
    "doctor": Verb(f"{_HERE}.doctor:doctor", "Test the connection, step by step."),
    "rejected": Verb(f"{_HERE}.rejected:rejected", "List commits that were set aside, or bring them back."),
    "fsck": Verb(f"{_HERE}.fsck:fsck", "Check the device's store."),
    "serve": Verb(f"{_HERE}.serve:serve", "Run the server.", extra="server"),
    "admin": Verb(f"{_HERE}.admin:admin", "Manage a server's accounts, devices and keys.", extra="server"),
    "completion": Verb(f"{_HERE}.completion:completion", "Print shell completion for bash, zsh or fish."),
}


@click.group(
    "nikdev",
    cls=LazyGroup,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`nikdev COMMAND --help` has an example of each.",
)
@click.version_option(__version__, "--version", prog_name="nikdev")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Git for sensor data: stage, commit and push a device's readings, and read them back.

    A device is a folder with a .nikdev/ in it (found upwards, as git does), or what NIKDEV_DIR names.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main(args: Sequence[str] | None = None) -> None:
    """Run `nikdev` and leave with its exit code; never a traceback, unless NIKDEV_DEBUG=1 asks for it."""
    arguments = list(sys.argv[1:] if args is None else args)
    as_json = _wants_json(arguments)
    try:
        result = root.main(args=arguments, prog_name="nikdev", standalone_mode=False)
        sys.stdout.flush()
        code = result if isinstance(result, int) else ExitCode.OK
    except NikDevError as error:
        code = exit_code_of(error)
        _tell_error(error, code, as_json=as_json)
        _traceback_if_asked(error)
    except click.ClickException as error:
        code = ExitCode.USAGE
        _tell_usage(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        code = ExitCode.INTERRUPTED
        _tell("Interrupted.", "", code, as_json=as_json)
    except (BrokenPipeError, ReaderGone):
        code = ExitCode.BROKEN_PIPE
        # Python flushes stdout once more at exit, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        code = ExitCode.JOURNAL
        _tell(_os_error(error), "What was committed before is on disk.", code, as_json=as_json)
        _traceback_if_asked(error)
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, a person gets one line
        code = ExitCode.UNEXPECTED
        hint = (
            f"This is a fault of nikdev {__version__}. Please report it with the output of a run with NIKDEV_DEBUG=1."
        )
        _tell(f"Unexpected {type(error).__name__}: {_one_line(str(error))}", hint, code, as_json=as_json)
        _traceback_if_asked(error)
    sys.exit(int(code))


def _wants_json(arguments: Sequence[str]) -> bool:
    """Say whether `--json` was asked for, even where the command line as a whole cannot be understood."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _tell(message: str, hint: str, code: int, *, as_json: bool, problems: Sequence[Any] = ()) -> None:
    if as_json:
        body: dict[str, Any] = {"code": ExitCode(code).name.lower(), "exit_code": int(code)}
        body |= {"message": message, "hint": hint}
        if problems:
            body["problems"] = list(problems)
        click.echo(json_text({"error": body}), err=True)
        return
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style("nikdev: ", fg="red", bold=True) + visible(message, keep="\n"), err=True, color=color)
    if hint:
        click.echo(visible(hint, keep="\n"), err=True, color=color)


def _tell_error(error: NikDevError, code: int, *, as_json: bool) -> None:
    problems = [{"line": note.line, "item": note.item, "problem": note.text} for note in getattr(error, "problems", ())]
    message, hint = for_the_command_line(error.message), for_the_command_line(error.hint)
    _tell(message, hint, code, as_json=as_json, problems=problems)


def _tell_usage(error: click.ClickException, *, as_json: bool) -> None:
    if isinstance(error, _NoArguments) and not as_json:
        click.echo(error.format_message(), err=True)
        return
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"See `{ctx.command_path} --help`." if ctx else ""
    _tell(error.format_message(), hint, ExitCode.USAGE, as_json=as_json)


def _os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _traceback_if_asked(error: BaseException) -> None:
    if os.environ.get("NIKDEV_DEBUG"):
        import traceback

        traceback.print_exception(error)


if __name__ == "__main__":
    main()
