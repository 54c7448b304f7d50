"""The lines that connect a device: ready to run, with the server's address, Device ID and key. Pure."""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass

__all__ = ["PLACEHOLDER", "Snippet", "api_url", "install_line", "snippets"]

PLACEHOLDER = "YOUR-API-KEY"
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to send a value."""

    id: str
    title: str
    code: str
    needs_client: bool = True
    """Whether `install_line` comes first."""


def api_url(scheme: str, host: str) -> str:
    """Return the address that devices talk to, by how the browser got here; a host that cannot be is not repeated."""
    if not _HOST.fullmatch(host):
        host = "127.0.0.1:8321"
    return f"{'https' if scheme == 'https' else 'http'}://{host}/api/v1/"


def install_line(url: str, wheel: str | None) -> str:
    """Return how the client gets onto a device: the one that goes with this server, which hands it out.

    So it does not matter what is published by the name of the package. A server that has no `wheel` to hand out
    leaves it at that.
    """
    return f"pip install {url.removesuffix('api/v1/')}dist/{wheel}" if wheel else "pip install --pre nikdev-iot"


def snippets(url: str, device_id: uuid.UUID, name: str, key: str | None) -> tuple[Snippet, ...]:
    """Return the snippets; without a key they hold `PLACEHOLDER`."""
    secret = key or PLACEHOLDER
    return (
        Snippet("python", "Python", _python(url, device_id, secret)),
        Snippet("nikdev", "Command line", _nikdev(url, device_id, _folder(name), secret)),
        Snippet("curl", "curl", _curl(url, device_id, secret), needs_client=False),
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
