"""What the library says to programs, said to someone at a command line: the same advice, in the words of its verbs."""

from __future__ import annotations

__all__ = ["for_the_command_line"]

_SAID_HERE = {
    "restore_rejected()": "`nikdev rejected --restore`",
    "rejected()": "`nikdev rejected`",
    "get() and fetch()": "`nikdev get` and `nikdev fetch`",
    "push()": "`nikdev push`",
    "commit()": "`nikdev commit`",
    "reset()": "`nikdev reset`",
    "The 'baseUrl'": "The url in .nikdev/config.json",
    "The 'deviceId' of the configuration": "The device in .nikdev/config.json",
    "The 'apiKey' of the configuration": "The key in .nikdev/config.json",
    "The 'requestTimeout' of the configuration": "The timeout in .nikdev/config.json",
    "The 'storageLimit' of the configuration": "The storage_limit in .nikdev/config.json",
    "The 'storagePolicy' of the configuration": "The storage_policy in .nikdev/config.json",
    "'storageLimit'": "storage_limit in .nikdev/config.json",
    "'baseUrl'": "the url in .nikdev/config.json",
    "'deviceId'": "device in .nikdev/config.json",
    "'apiKey'": "key in .nikdev/config.json",
    "'requestTimeout'": "timeout in .nikdev/config.json",
    "(storagePath or storageFilename)": "(NIKDEV_DIR)",
    "with storagePath": "with NIKDEV_DIR",
    ", or use an aware datetime": "",
    "every='5m'": "--every 5m",
}


def for_the_command_line(text: str) -> str:
    """Return an advice with calls and settings of the library named as the command line names them."""
    for there, here in _SAID_HERE.items():
        text = text.replace(there, here)
    return text
