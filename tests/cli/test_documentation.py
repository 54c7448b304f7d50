"""docs/cli.md and --help say what there is."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from tests.cli.running import nikdev

from nikdev_iot.cli.exit_codes import ExitCode
from nikdev_iot.cli.folder import _KEYS
from nikdev_iot.cli.main import VERBS, root

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text()


def _commands(command=root, words=()):
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    ctx = click.Context(command)
    for name in command.list_commands(ctx):
        found = command.get_command(ctx, name)
        assert found is not None
        yield from _commands(found, (*words, name))


COMMANDS = dict(_commands())


def _section(verb):
    found = re.search(rf"^#+ nikdev {verb}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section 'nikdev {verb}'"
    return found[1]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_section(verb):
    assert len(_section(verb)) > 80


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_documented_with_its_options(words):
    command = COMMANDS[words]
    section = _section(words[0])
    if len(words) > 1:
        assert " ".join(words) in section
    if words[0] in {"serve", "admin"}:
        return  # their many options are listed by --help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert any(name in section for name in parameter.opts), f"{words}: {parameter.opts}"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(words):
    done = nikdev(*words, "--help")
    assert done.code == 0
    _, sign, example = done.out.partition("Example:")
    assert sign, done.out
    assert f"nikdev {words[0]}" in example


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_documented(code):
    assert re.search(rf"^\| {int(code)} \| `{code.name}` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", _KEYS)
def test_every_setting_is_documented(name):
    assert f"`{name}`" in PAGE


def _keys(data):
    """Every key of an object and of those in it, but for what hangs on the device's own fields."""
    for key, value in data.items():
        yield key
        if key in {"added", "staged_values", "values", "fields", "like_missing", "kinds"}:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from _keys(part)


def test_every_json_key_is_documented(device):
    (device.folder / "x.csv").write_text("t,v\n1,2\n")
    nikdev("add", "a=1")
    calls = [
        ("add", "a=1"),
        ("commit",),
        ("status",),
        ("import", "x.csv", "--time", "t", "--time-format", "epoch"),
        ("log",),
        ("show", 1),
        ("push",),
        ("get",),
        ("doctor",),
        ("fsck",),
        ("rejected",),
        ("rejected", "--restore"),
        ("reset",),
        ("fetch",),
        ("collect", "host", "--count", 1),
    ]
    for words in calls:
        done = nikdev(*words, "--json")
        assert done.code == 0, done.err
        section = _section(words[0]) + (_section("log") if words[0] == "show" else "")
        for key in _keys(done.json):
            assert f'"{key}"' in section, f"{words}: {key}"


def test_the_json_of_an_error_is_documented(device):
    error = nikdev("add", "b=nan", "--json").err
    assert error.strip() in PAGE
