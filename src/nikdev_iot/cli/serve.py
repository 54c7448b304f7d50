"""`nikdev serve`: run the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nikdev_iot.model.errors import ConfigError
from nikdev_iot.server.config import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    AccountLimits,
    ConnectionLimits,
    IngestLimits,
    RateLimits,
    ServerConfig,
    default_data_folder,
)
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits

from .exit_codes import ExitCode

__all__ = ["serve"]

_DEFAULTS = ServerConfig(data=Path())
_INGEST = _DEFAULTS.ingest
_ACCOUNTS = _DEFAULTS.accounts
_RATES = _DEFAULTS.rates
_CONNECTIONS = _DEFAULTS.connections
_MIB = 1024 * 1024


def _limit(
    name: str, default: float, about: str, *, least: float = 1
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return an option for a limit, which may also be set by its environment variable."""
    kind = click.IntRange(min=int(least)) if isinstance(default, int) else click.FloatRange(min=least)
    return click.option(
        f"--{name}",
        envvar=f"NIKDEV_{name.replace('-', '_').upper()}",
        type=kind,
        default=default,
        show_default=True,
        show_envvar=True,
        help=about,
    )


@click.command(
    "serve",
    short_help="Run the server.",
    epilog="Example: nikdev serve --data ./server-data --port 8321",
)
@click.option(
    "--host",
    envvar="NIKDEV_HOST",
    default=DEFAULT_HOST,
    show_default=True,
    show_envvar=True,
    help="Address to listen on.",
)
@click.option(
    "--port",
    envvar="NIKDEV_PORT",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    show_envvar=True,
    help="Port to listen on; 0 for a free one, which is then printed.",
)
@click.option(
    "--data",
    envvar="NIKDEV_DATA",
    type=click.Path(file_okay=False, path_type=Path),
    show_envvar=True,
    help="Folder of the embedded store.  [default: the user's data folder]",
)
@click.option(
    "--database",
    envvar="NIKDEV_DATABASE",
    show_envvar=True,
    help="URL of a database, instead of --data (not yet).",
)
@_limit("requests-per-second", _RATES.requests_per_s, "Requests of one API key, in the long run.", least=0.001)
@_limit("requests-burst", 0.0, "The same at once; 0 for twice the requests per second.", least=0)
@_limit("wrong-keys-per-second", _RATES.wrong_keys_per_s, "With wrong keys, of one client.", least=0.001)
@_limit("wrong-keys-burst", _RATES.wrong_keys_burst, "The same at once.")
@_limit("max-body-mib", DEFAULT_LIMITS.body_bytes // _MIB, "Size of a request's body, as it arrives.")
@_limit("max-content-mib", DEFAULT_LIMITS.content_bytes // _MIB, "Size of a request's body, decompressed.")
@_limit("max-commits", DEFAULT_LIMITS.commits, "Commits in one push.")
@_limit("max-fields", _INGEST.fields_per_device, "Fields of one device.")
@_limit("max-devices", _ACCOUNTS.devices, "Devices of one account.")
@_limit("max-keys", _ACCOUNTS.keys_per_device, "API keys of one device that open something.")
@_limit("max-dashboards", _ACCOUNTS.dashboards, "Dashboards of one account.")
@_limit("max-invitations", _ACCOUNTS.invitations, "Open invitations of one account.")
@_limit("max-sessions", _ACCOUNTS.sessions_per_person, "Sessions of one person; one more ends the oldest.")
@_limit("max-waiting", _INGEST.waiting_pushes, "Pushes that may wait for the disk.")
@_limit("remember-entries-days", _INGEST.remember_entries_days, "How long JSON entries are known again.", least=0)
@_limit("max-connections", _CONNECTIONS.connections, "Connections at once.")
@_limit("head-timeout-s", _CONNECTIONS.head_timeout_s, "How long a request's headers may take.", least=0.1)
@_limit("body-timeout-s", _CONNECTIONS.body_timeout_s, "How long to wait for the next part of a body.", least=0.1)
@_limit("keep-alive-s", _DEFAULTS.keep_alive_s, "How long idle connections stay open.")
@_limit("stop-timeout-s", _DEFAULTS.stop_timeout_s, "How long a stop waits for requests in flight.")
@click.option(
    "--trusted-proxies",
    envvar="NIKDEV_TRUSTED_PROXIES",
    default=_DEFAULTS.trusted_proxies,
    show_envvar=True,
    help="Addresses of proxies whose X-Forwarded-For is believed, comma-separated.  [default: none]",
)
@click.option("--access-log", is_flag=True, envvar="NIKDEV_ACCESS_LOG", show_envvar=True, help="Log each request.")
@click.option(
    "--open/--no-open",
    "opens_browser",
    envvar="NIKDEV_OPEN",
    default=None,
    show_envvar=True,
    help="Open the set-up link of the first start in a browser.  [default: on a terminal with a desktop]",
)
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "text"]),
    envvar="NIKDEV_LOG_FORMAT",
    default="auto",
    show_default=True,
    show_envvar=True,
    help="Form of the log on stderr; auto is text on a terminal, JSON elsewhere.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="NIKDEV_LOG_LEVEL",
    default="info",
    show_default=True,
    show_envvar=True,
    help="The least that is logged.",
)
def serve(**options: Any) -> int:
    """Run the server, and print its address when it is ready.

    Devices push to it, and everyone with a read key reads from it. SIGTERM or Ctrl-C stops it: requests in flight are
    finished, and what was acknowledged is on disk.
    """
    config = _config(options)
    from nikdev_iot.server.logs import set_up_logs
    from nikdev_iot.server.serve import CannotListen, run

    set_up_logs(form=options["log_format"], level=options["log_level"])
    try:
        run(config)
    except CannotListen as error:
        click.echo(f"nikdev: {error}", err=True)
        return ExitCode.CANNOT_LISTEN
    return ExitCode.OK


def _config(options: dict[str, Any]) -> ServerConfig:
    database = options["database"]
    if database is not None:
        if database.startswith(("postgresql://", "postgres://")):
            raise ConfigError(
                "This version does not keep its data in PostgreSQL yet.",
                key="database",
                hint="Use --data with a folder.",
            )
        raise ConfigError(f"{database.partition(':')[0]!r} is not a database that nikdev knows.", key="database")
    requests_per_s = options["requests_per_second"]
    return ServerConfig(
        data=options["data"] or default_data_folder(),
        host=options["host"],
        port=options["port"],
        wire=Limits(
            body_bytes=options["max_body_mib"] * _MIB,
            content_bytes=options["max_content_mib"] * _MIB,
            commits=options["max_commits"],
        ),
        ingest=IngestLimits(
            fields_per_device=options["max_fields"],
            waiting_pushes=options["max_waiting"],
            remember_entries_days=options["remember_entries_days"],
        ),
        accounts=AccountLimits(
            devices=options["max_devices"],
            keys_per_device=options["max_keys"],
            dashboards=options["max_dashboards"],
            invitations=options["max_invitations"],
            sessions_per_person=options["max_sessions"],
        ),
        connections=ConnectionLimits(
            connections=options["max_connections"],
            head_timeout_s=options["head_timeout_s"],
            body_timeout_s=options["body_timeout_s"],
        ),
        rates=RateLimits(
            requests_per_s=requests_per_s,
            burst=options["requests_burst"] or max(2 * requests_per_s, 1),
            wrong_keys_per_s=options["wrong_keys_per_second"],
            wrong_keys_burst=options["wrong_keys_burst"],
        ),
        keep_alive_s=options["keep_alive_s"],
        stop_timeout_s=options["stop_timeout_s"],
        trusted_proxies=options["trusted_proxies"],
        access_log=options["access_log"],
        opens_browser=options["opens_browser"],
    )
