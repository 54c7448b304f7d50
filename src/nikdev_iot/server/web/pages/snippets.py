"""The lines that connect a device: ready to run, with the server's address, Device ID and key. Pure."""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass

from nikdev_iot._version import __version__

__all__ = ["PLACEHOLDER", "Snippet", "api_url", "snippets"]

PLACEHOLDER = "YOUR-API-KEY"
_INSTALL = f'pip install "nikdev-iot>={__version__}"'
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to send a value."""

    id: str
    title: str
    needs: str
    """What has to be there first, as a command or a word; '' for nothing."""
    code: str


def api_url(scheme: str, host: str) -> str:
    """Return the address that devices talk to, by how the browser got here; a host that cannot be is not repeated."""
    if not _HOST.fullmatch(host):
        host = "127.0.0.1:8321"
    return f"{'https' if scheme == 'https' else 'http'}://{host}/api/v1/"


def snippets(url: str, device_id: uuid.UUID, name: str, key: str | None) -> tuple[Snippet, ...]:
    """Return the snippets; without a key they hold `PLACEHOLDER`."""
    secret = key or PLACEHOLDER
    return (
        Snippet("python", "Python", _INSTALL, _python(url, device_id, secret)),
        Snippet("nikdev", "Command line", _INSTALL, _nikdev(url, device_id, _folder(name), secret)),
        Snippet("curl", "curl", "", _curl(url, device_id, secret)),
    )


def _python(url: str, device_id: uuid.UUID, secret: str) -> str:
    return f"""from nikdev_iot import Api

api = Api.from_credentials(
    "{device_id}",
    "{secret}",
    baseUrl="{url}",
)
api.add_value("temperature", 21.5)
api.commit_and_push("first light")
"""


def _nikdev(url: str, device_id: uuid.UUID, folder: str, secret: str) -> str:
    return f"""mkdir -p {folder} && cd {folder}
nikdev init --url {url} \\
  --device {device_id} \\
  --key {secret}
nikdev add temperature=21.5
nikdev commit -m "first light"
nikdev push
"""


def _curl(url: str, device_id: uuid.UUID, secret: str) -> str:
    return f"""now=$(date +%s)
curl {url}entries/ \\
  -H "x-device-id: {device_id}" \\
  -H "x-api-key: {secret}" \\
  -H "content-type: application/json" \\
  -d '{{"clientTimestamp": '$now', "entries": [{{"timestamp": '$now', "values": [{{"temperature": 21.5}}]}}]}}'
"""


def _folder(name: str) -> str:
    """Return a name for a folder that no shell takes for anything else."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "device"
