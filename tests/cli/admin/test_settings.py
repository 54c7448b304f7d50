from __future__ import annotations

import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.exit_codes import ExitCode


def test_settings_are_shown_and_changed(nikdev: Nikdev, account: str) -> None:
    assert nikdev.json("settings") == {"registration": "invitation"}
    assert nikdev.json("settings", "registration=open") == {"registration": "open"}
    assert nikdev.json("settings") == {"registration": "open"}
    table = nikdev("settings").out.splitlines()
    assert table[0].split() == ["SETTING", "VALUE"]
    assert table[1].split() == ["registration", "open"]


@pytest.mark.parametrize("text", ["registration", "colour=red", "=open", ""])
def test_what_is_no_setting(nikdev: Nikdev, account: str, text: str) -> None:
    assert "registration=" in nikdev.fails(ExitCode.USAGE, "settings", text)


def test_what_it_cannot_be(nikdev: Nikdev, account: str) -> None:
    assert "open, invitation or closed" in nikdev.fails(ExitCode.REFUSED, "settings", "registration=all")
    assert nikdev.json("settings") == {"registration": "invitation"}
