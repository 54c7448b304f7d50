from __future__ import annotations

import io

import pytest

from nikdev_iot.server.desktop import has_desktop


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"DISPLAY": "localhost:10", "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}, "linux", False),
        ({"SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}, "darwin", False),
    ],
)
def test_a_desktop_is_where_somebody_sits(environment, platform, expected):
    assert has_desktop(environment=environment, platform=platform, output=Terminal()) is expected
    assert not has_desktop(environment=environment, platform=platform, output=io.StringIO())


def test_a_closed_output_is_nobodys():
    output = Terminal()
    output.close()
    output.isatty = io.StringIO.isatty.__get__(output)  # type: ignore[method-assign]
    assert not has_desktop(environment={"DISPLAY": ":0"}, platform="linux", output=output)
