from __future__ import annotations

from nikdev_iot.cli.collect.group import collect


def test_what_can_be_collected():
    assert list(collect.commands) == ["host"]
