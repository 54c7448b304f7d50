from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from nikdev_iot.cli.main import VERBS, root

LOADED = """
import sys, json
from nikdev_iot.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
SERVER_PARTS = {"fastapi", "uvicorn", "numpy", "msgspec", "argon2", "nikdev_iot.server"}


def _loaded_by(*words):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, timeout=60, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", VERBS)
def test_the_table_says_of_each_verb_what_the_verb_says(name):
    ctx = click.Context(root)
    command = root.get_command(ctx, name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=200) == VERBS[name].about


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("add", "--help")], ids=" ".join)
def test_help_loads_no_server_part(words):
    loaded = _loaded_by(*words)
    assert "nikdev_iot.cli.main" in loaded
    assert loaded & (SERVER_PARTS | {"rich", "urllib3", "psutil"}) == set()


def test_a_device_verb_loads_nothing_of_another(alone):
    loaded = _loaded_by("status")
    assert "nikdev_iot.journal.journal" in loaded
    assert loaded & (SERVER_PARTS | {"rich", "urllib3", "psutil", "nikdev_iot.cli.importing"}) == set()


def test_pushing_loads_no_server_part(alone):
    assert _loaded_by("push") & SERVER_PARTS == set()


def test_completion_of_a_verb_imports_none():
    found = {item.value: item.help for item in root.shell_complete(click.Context(root), "re")}
    assert found == {"reset": VERBS["reset"].about, "rejected": VERBS["rejected"].about}
