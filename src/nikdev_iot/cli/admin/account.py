"""`nikdev admin account …`."""

from __future__ import annotations

import sys

import click

from nikdev_iot.cli.output import json_option, print_json, print_table, when
from nikdev_iot.model.showing import visible

from .store import now_us, open_store, store_options

__all__ = ["account"]

_MAX_LINE_BYTES = 65_536
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input (its first line) instead of asking."
)


@click.group()
def account() -> None:
    """Accounts, which own devices, and their people."""


@account.command("add")
@click.argument("email")
@_password_option
@json_option
@store_options
def add_account(email: str, *, password_stdin: bool, as_json: bool) -> None:
    """Make an account; the store is made too, where there is none yet.

    \b
    Example:
      echo 'correct horse' | nikdev admin account add ada@example.org --password-stdin
    """
    with open_store(create=True) as storage:
        from nikdev_iot.server.accounts import Accounts, Passwords

        password = _password(from_stdin=password_stdin)
        made = Accounts(storage, passwords=Passwords(), now_us=now_us).add(email, password)
    if as_json:
        print_json({"account_id": str(made.id)})
    else:
        click.echo(f"Account {visible(made.name)} made: {made.id}")


@account.command("password")
@click.argument("email")
@_password_option
@click.option("--second-factor-off", is_flag=True, help="Switch the person's second factor off, too.")
@store_options
def set_password(email: str, *, password_stdin: bool, second_factor_off: bool) -> None:
    """Give a person a new password, and sign them out everywhere.

    For who has lost the phone with the second factor and the backup codes too, switch it off as well.

    \b
    Example:
      nikdev admin account password ada@example.org --second-factor-off
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Passwords, People

        people = People(storage, passwords=Passwords(), now_us=now_us)
        found = people.find(email)
        people.set_password(found.id, _password(from_stdin=password_stdin), second_factor_off=second_factor_off)
    click.echo(f"The password of {visible(found.email)} is changed, and all its sessions are ended.")
    if found.totp_secret is not None:
        click.echo("The second factor is off now." if second_factor_off else "The second factor is still on.")


@account.command("list")
@json_option
@store_options
def list_accounts(*, as_json: bool) -> None:
    """List all accounts, the oldest first.

    \b
    Example:
      nikdev admin account list
    """
    with open_store() as storage:
        from nikdev_iot.server.accounts import Accounts, Passwords

        accounts = Accounts(storage, passwords=Passwords(), now_us=now_us)
        found, owners = accounts.all(), accounts.owners()
    if as_json:
        print_json(
            {
                "accounts": [
                    {
                        "account_id": str(item.id),
                        "email": owners.get(item.id),
                        "name": item.name,
                        "created_us": item.created_us,
                    }
                    for item in found
                ]
            }
        )
        return
    print_table(
        ("ACCOUNT ID", "OWNER", "NAME", "MADE"),
        [(str(item.id), owners.get(item.id, ""), item.name, when(item.created_us)) for item in found],
    )


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        # Bytes: whatever the terminal's encoding, a password is UTF-8, as it is in a browser.
        return sys.stdin.buffer.readline(_MAX_LINE_BYTES).rstrip(b"\r\n").decode(errors="surrogateescape")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password; pipe it in with --password-stdin.")
    return str(click.prompt("Password", type=str, hide_input=True, confirmation_prompt=True, err=True))
