from __future__ import annotations

import pytest

from nikdev_iot.cli.wording import for_the_command_line


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("bring back with restore_rejected().", "bring back with `nikdev rejected --restore`."),
        ("See rejected() for the reasons", "See `nikdev rejected` for the reasons"),
        ("check 'baseUrl'", "check the url in .nikdev/config.json"),
        ("Add an offset, as in Z, or use an aware datetime.", "Add an offset, as in Z."),
        ("as in every='5m'.", "as in --every 5m."),
        ("Nothing was staged.", "Nothing was staged."),
    ],
)
def test_calls_become_verbs(there, here):
    assert for_the_command_line(there) == here
