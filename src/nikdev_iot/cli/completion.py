"""`nikdev completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print shell completion for bash, zsh or fish.

    \b
    Example:
      echo 'eval "$(nikdev completion bash)"' >> ~/.bashrc
      echo 'eval "$(nikdev completion zsh)"' >> ~/.zshrc
      nikdev completion fish > ~/.config/fish/completions/nikdev.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - click knows all three
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(ctx.find_root().command, {}, "nikdev", "_NIKDEV_COMPLETE").source())
