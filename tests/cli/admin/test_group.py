from __future__ import annotations

import click
import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.admin import admin


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found += _commands(command, (*words, name)) if isinstance(command, click.Group) else [(*words, name)]
    return found


COMMANDS = _commands(admin)


def test_the_words() -> None:
    assert sorted(" ".join(words) for words in COMMANDS) == [
        "account add",
        "account list",
        "account password",
        "device add",
        "device list",
        "device remove",
        "key add",
        "key list",
        "key revoke",
        "key set",
        "settings",
    ]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_has_help_with_an_example_and_the_store(nikdev: Nikdev, words: tuple[str, ...]) -> None:
    answer = nikdev.bare(*words, "--help")
    assert answer.code == 0
    example = answer.out.partition("Example:")[2]
    assert f"nikdev admin {' '.join(words)}" in example
    assert "--data DIR" in answer.out
    assert "--database URL" in answer.out
