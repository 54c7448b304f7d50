"""The configuration of one `Api`: 0.5.5's keys, their defaults, and what is wrong with a given one."""

from __future__ import annotations

import os

from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.frozen import Frozen

TYPE_CHECKING = False  # `typing`, `pathlib` and `uuid` stay out until they are needed: this module comes with `Api`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any, Literal, TypeAlias

__all__ = ["DEFAULT_URL", "URL_VARIABLE", "Config", "Durability", "Policy"]

DEFAULT_URL = "http://127.0.0.1:8321/api/v1/"
URL_VARIABLE = "NIKDEV_URL"
DEFAULT_TIMEOUT_S = 10.0
MAX_TIMEOUT_S = 86_400.0
DEFAULT_PUSH_INTERVAL_S = 1.0

MIN_STORAGE_LIMIT = 1_000_000

Durability: TypeAlias = "Literal['full', 'normal']"
Policy: TypeAlias = "Literal['refuse', 'drop-oldest', 'thin-out']"

_ATTRIBUTES = {
    "baseUrl": "base_url",
    "deviceId": "device_id",
    "apiKey": "api_key",
    "storagePath": "storage_path",
    "storageFilename": "storage_filename",
    "stageUncommittedValues": "stage_uncommitted_values",
    "stageUnpushedEntries": "stage_unpushed_entries",
    "requestTimeout": "request_timeout_s",
    "durability": "durability",
    "storageLimit": "storage_limit_bytes",
    "storagePolicy": "storage_policy",
    "autoPush": "auto_push",
    "pushInterval": "push_interval_s",
    "pushBytesPerSecond": "push_bytes_per_s",
    # 0.5.5 documented storageFilename, and read this one.
    "storageName": "storage_filename",
}
_SNAKE_CASE = {attribute: key for key, attribute in _ATTRIBUTES.items() if key != "storageName"}
_SNAKE_CASE |= {
    "request_timeout": "requestTimeout",
    "storage_limit": "storageLimit",
    "push_interval": "pushInterval",
    "push_bytes_per_second": "pushBytesPerSecond",
}
_WHERE_TO_FIND = {
    "deviceId": "Use the Device ID from the first view of your device on the server.",
    "apiKey": "Use an API key from the section API Keys of your device on the server.",
}
_set = object.__setattr__


class Config(Frozen):
    """A checked configuration. Credentials are checked when they are needed: 0.5.5 allows an `Api()` without any."""

    __slots__ = (  # noqa: RUF023 - the order is that of the fields
        "base_url",
        "device_id",
        "api_key",
        "storage_path",
        "storage_filename",
        "stage_uncommitted_values",
        "stage_unpushed_entries",
        "request_timeout_s",
        "durability",
        "storage_limit_bytes",
        "storage_policy",
        "auto_push",
        "push_interval_s",
        "push_bytes_per_s",
    )

    base_url: str
    """Ends with a slash."""
    device_id: str | None
    """As given."""
    api_key: str | None
    """As given; never shown."""
    storage_path: str | None
    storage_filename: str | None
    stage_uncommitted_values: bool
    """Whether values that were added and not committed are kept when the program ends."""
    stage_unpushed_entries: bool
    """False: commits are kept in memory alone, and those not pushed are gone when the program ends."""
    request_timeout_s: float
    """For a whole request, from connecting to the end of its answer; what is sent has a second more per 2 KiB."""
    durability: Durability
    """`normal`: no sync to disk with each commit; a power cut may lose the last ones, a crash of the program none."""
    storage_limit_bytes: int | None
    """What the journal may take of the disk; None: what was not pushed has no limit, pushed commits go beyond 1 GB."""
    storage_policy: Policy
    """At the limit, when no pushed commits are left: refuse new ones, drop the oldest, or keep every tenth of them."""
    auto_push: bool
    """Whether commits are pushed in the background."""
    push_interval_s: float
    """Between two pushes in the background, at least."""
    push_bytes_per_s: float | None
    """What pushing in the background may take of the network, in the mean; None for no bound."""

    def __init__(
        self,
        *,
        base_url: str = DEFAULT_URL,
        device_id: str | None = None,
        api_key: str | None = None,
        storage_path: str | None = None,
        storage_filename: str | None = None,
        stage_uncommitted_values: bool = True,
        stage_unpushed_entries: bool = True,
        request_timeout_s: float = DEFAULT_TIMEOUT_S,
        durability: Durability = "full",
        storage_limit_bytes: int | None = None,
        storage_policy: Policy = "refuse",
        auto_push: bool = False,
        push_interval_s: float = DEFAULT_PUSH_INTERVAL_S,
        push_bytes_per_s: float | None = None,
    ) -> None:
        _set(self, "base_url", base_url)
        _set(self, "device_id", device_id)
        _set(self, "api_key", api_key)
        _set(self, "storage_path", storage_path)
        _set(self, "storage_filename", storage_filename)
        _set(self, "stage_uncommitted_values", stage_uncommitted_values)
        _set(self, "stage_unpushed_entries", stage_unpushed_entries)
        _set(self, "request_timeout_s", request_timeout_s)
        _set(self, "durability", durability)
        _set(self, "storage_limit_bytes", storage_limit_bytes)
        _set(self, "storage_policy", storage_policy)
        _set(self, "auto_push", auto_push)
        _set(self, "push_interval_s", push_interval_s)
        _set(self, "push_bytes_per_s", push_bytes_per_s)

    def __repr__(self) -> str:
        return f"Config(base_url={self.base_url!r}, device_id={self.device_id!r})"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None, *, environ: Mapping[str, str] | None = None) -> Config:
        """Check a dict with 0.5.5's keys (or the same in snake_case); None counts as not given.

        Raises:
            ConfigError: an unknown key, with the nearest known one, or a value that cannot be used.
        """
        environ = os.environ if environ is None else environ
        given: dict[str, Any] = {}
        for raw, value in ({} if values is None else values).items():
            key = _known(raw)
            if value is None:
                continue
            name = _ATTRIBUTES[key]
            if name in given and given[name] != value:
                raise ConfigError(f"{key!r} is given twice, with different values.", key=key, hint="Give it once.")
            given[name] = _CHECKS[key](key, value)
        if "base_url" not in given:
            from_environment = environ.get(URL_VARIABLE)
            given["base_url"] = _url(URL_VARIABLE, from_environment) if from_environment else DEFAULT_URL
        return cls(**given)

    def credentials(self) -> tuple[str, str]:
        """Return device ID and API key in the server's form.

        Raises:
            ConfigError: one is missing, or is no UUID.
        """
        return self.checked_device_id(), _credential("apiKey", self.api_key)

    def checked_device_id(self) -> str:
        """Return the device ID in lower case; raises `ConfigError` where it is missing or no UUID."""
        return _credential("deviceId", self.device_id)

    def journal_path(self) -> Path:
        """Return where the device's journal lies: one per device.

        Raises:
            ConfigError: the place depends on the device ID, and that is missing or no UUID.
        """
        from pathlib import Path

        if self.storage_path is not None:
            folder = Path(self.storage_path).expanduser()
            return folder / (self.storage_filename or f"nikdev-{self.checked_device_id()}.db")
        if self.storage_filename is not None and Path(self.storage_filename).is_absolute():
            return Path(self.storage_filename)
        from platformdirs import user_data_dir

        folder = Path(user_data_dir("nikdev-iot", appauthor=False)) / self.checked_device_id()
        return folder / (self.storage_filename or "journal.db")

    def has_value(self, key: str) -> bool:
        """Return whether `key` is one of the configuration's keys, as in 0.5.5."""
        return key in _ATTRIBUTES

    def get_value(self, key: str, default: Any = None) -> Any:
        """Return the value of one of 0.5.5's keys, as in 0.5.5."""
        return getattr(self, _ATTRIBUTES[key]) if key in _ATTRIBUTES else default


def _known(key: object) -> str:
    if not isinstance(key, str):
        raise ConfigError(f"The configuration has the key {key!r}, and a key is a text.", key=repr(key))
    key = _SNAKE_CASE.get(key, key)
    if key in _ATTRIBUTES:
        return key
    from difflib import get_close_matches

    lowered = {known.lower(): known for known in _ATTRIBUTES if known != "storageName"}
    near = get_close_matches(key.lower().replace("_", ""), lowered, n=1, cutoff=0.5)
    hint = f"Did you mean {lowered[near[0]]!r}?" if near else f"Known are {', '.join(sorted(lowered.values()))}."
    raise ConfigError(f"The configuration has the unknown key {key!r}.", key=key, hint=hint)


def _credential(key: str, value: str | None) -> str:
    import uuid

    if value is None:
        raise ConfigError(f"The configuration has no {key!r}.", key=key, hint=_WHERE_TO_FIND[key])
    try:
        found = uuid.UUID(value)
    except ValueError:
        # The value is not repeated: it may be a key with a letter too many.
        raise ConfigError(
            f"The {key!r} of the configuration is not of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.",
            key=key,
            hint=_WHERE_TO_FIND[key],
        ) from None
    return str(found)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) and (hasattr(value, "__fspath__") or type(value).__name__ == "UUID"):
        value = str(value)
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f"The {key!r} of the configuration is not a text ({type(value).__name__}).", key=key)
    return value


def _text_or_none(key: str, value: object) -> str | None:
    # "" is 0.5.5's own default of storagePath, and means "not given".
    return _text(key, value).strip() or None


def _flag(key: str, value: object) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in {0, 1}):
        return bool(value)
    raise ConfigError(f"The {key!r} of the configuration is {value!r}; it can be True or False.", key=key)


def _timeout_s(key: str, value: object) -> float:
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value <= MAX_TIMEOUT_S  # neither NaN nor infinite, so
    ):
        return float(value)
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it is seconds, above 0 and up to {MAX_TIMEOUT_S:.0f}.",
        key=key,
        hint=f"Leave it out for {DEFAULT_TIMEOUT_S:.0f} s.",
    )


def _interval_s(key: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_TIMEOUT_S:
        return float(value)
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it is seconds, 0 to {MAX_TIMEOUT_S:.0f}.",
        key=key,
        hint=f"Leave it out for {DEFAULT_PUSH_INTERVAL_S:.0f} s.",
    )


def _bytes_per_s(key: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 100 <= value <= 1e12:
        return float(value)
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it is a number of bytes, 100 or more.",
        key=key,
        hint="Leave it out for no bound.",
    )


def _durability(key: str, value: object) -> Durability:
    if value == "full":
        return "full"
    if value == "normal":
        return "normal"
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it can be 'full' or 'normal'.",
        key=key,
        hint="'full' keeps every commit through a power cut; 'normal' spares an SD card and may lose the last ones.",
    )


def _storage_limit(key: str, value: object) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and MIN_STORAGE_LIMIT <= value <= 1e15:
        return int(value)
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it is a number of bytes, {MIN_STORAGE_LIMIT} or more.",
        key=key,
        hint="Leave it out for no limit.",
    )


def _storage_policy(key: str, value: object) -> Policy:
    if value == "refuse":
        return "refuse"
    if value == "drop-oldest":
        return "drop-oldest"
    if value == "thin-out":
        return "thin-out"
    raise ConfigError(
        f"The {key!r} of the configuration is {value!r}; it can be 'refuse', 'drop-oldest' or 'thin-out'.",
        key=key,
        hint="It says what happens when 'storageLimit' is reached and all in the journal waits to be pushed.",
    )


def _url(key: str, value: object) -> str:
    from urllib.parse import urlsplit

    text = _text(key, value).strip()
    problem = ""
    parts = urlsplit("")
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        problem = "it is no URL"
    else:
        if parts.scheme not in {"http", "https"}:
            problem = "it does not begin with http:// or https://"
        elif not parts.hostname or any(char.isspace() or not char.isprintable() for char in text):
            problem = "it names no host"
        elif not port_is_valid:
            problem = "its port is not between 1 and 65535"
        elif parts.username is not None or parts.password is not None:
            # Not repeated: it holds a secret.
            raise ConfigError(
                f"The {key!r} has a user name or password in it.", key=key, hint="Write it without; use 'apiKey'."
            )
        elif parts.query or parts.fragment:
            problem = "it has a '?' or '#' part"
    if problem:
        raise ConfigError(
            f"The {key!r} {text!r} cannot be used: {problem}.", key=key, hint=f"Write it like {DEFAULT_URL}"
        )
    if parts.path in {"", "/"}:
        return f"{text.rstrip('/')}/api/v1/"  # the server's own address was given; the API lies there
    return text if text.endswith("/") else text + "/"


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "baseUrl": _url,
    "deviceId": _text_or_none,
    "apiKey": _text_or_none,
    "storagePath": _text_or_none,
    "storageFilename": _text_or_none,
    "storageName": _text_or_none,
    "stageUncommittedValues": _flag,
    "stageUnpushedEntries": _flag,
    "requestTimeout": _timeout_s,
    "durability": _durability,
    "storageLimit": _storage_limit,
    "storagePolicy": _storage_policy,
    "autoPush": _flag,
    "pushInterval": _interval_s,
    "pushBytesPerSecond": _bytes_per_s,
}
