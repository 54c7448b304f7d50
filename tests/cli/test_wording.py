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
        ("The 'baseUrl' 'x' cannot be used", "The url in .nikdev/config.json 'x' cannot be used"),
        ("The 'apiKey' of the configuration is not", "The key in .nikdev/config.json is not"),
        ("The 'requestTimeout' of the configuration is", "The timeout in .nikdev/config.json is"),
        ("choose another place with storagePath.", "choose another place with NIKDEV_DIR."),
        ("of its own (storagePath or storageFilename).", "of its own (NIKDEV_DIR)."),
        ('has the unknown setting "storagePath".', 'has the unknown setting "storagePath".'),
        ("Nothing was staged.", "Nothing was staged."),
    ],
)
def test_calls_become_verbs(there, here):
    assert for_the_command_line(there) == here
