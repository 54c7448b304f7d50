"""The words behind `nikdev collect`."""

from __future__ import annotations

import click

from .host import host

__all__ = ["collect"]


@click.group()
def collect() -> None:
    """Keep sending readings of this machine.

    \b
    Example:
      nikdev collect host --every 60
    """


collect.add_command(host)
