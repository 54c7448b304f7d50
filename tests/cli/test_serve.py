from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nikdev_iot.cli.serve import _config, serve
from nikdev_iot.model.errors import ConfigError
from nikdev_iot.server.config import AccountLimits, ServerConfig


def options(*arguments: str, env: dict[str, str] | None = None) -> dict:
    """Return what click makes of a command line."""
    with CliRunner(env=env).isolation(env=env):
        return serve.make_context("serve", list(arguments)).params


def test_without_options_it_has_the_defaults(tmp_path):
    config = _config(options("--data", str(tmp_path)))
    assert config == ServerConfig(data=tmp_path)


def test_every_limit_can_be_set_by_option_and_by_environment():
    arguments = {
        "requests-per-second": "5", "requests-burst": "7", "wrong-keys-per-second": "2", "wrong-keys-burst": "3",
        "max-body-mib": "1", "max-content-mib": "2", "max-commits": "10", "max-fields": "11", "max-waiting": "12",
        "max-devices": "21", "max-keys": "22", "max-dashboards": "23", "max-invitations": "24", "max-sessions": "25",
        "remember-entries-days": "1.5", "body-timeout-s": "4",
        "head-timeout-s": "5", "max-connections": "6", "keep-alive-s": "8", "stop-timeout-s": "9",
    }  # fmt: skip
    by_option = _config(
        options("--data", "x", *(part for name, text in arguments.items() for part in (f"--{name}", text)))
    )
    env = {f"NIKDEV_{name.replace('-', '_').upper()}": text for name, text in arguments.items()}
    by_environment = _config(options("--data", "x", env=env))
    assert by_option == by_environment
    assert (by_option.rates.requests_per_s, by_option.rates.burst) == (5, 7)
    assert (by_option.rates.wrong_keys_per_s, by_option.rates.wrong_keys_burst) == (2, 3)
    assert (by_option.wire.body_bytes, by_option.wire.content_bytes) == (2**20, 2 * 2**20)
    assert (by_option.wire.commits, by_option.ingest.fields_per_device, by_option.ingest.waiting_pushes) == (10, 11, 12)
    assert (by_option.ingest.remember_entries_days, by_option.connections.body_timeout_s) == (1.5, 4)
    assert by_option.accounts == AccountLimits(
        devices=21, keys_per_device=22, dashboards=23, invitations=24, sessions_per_person=25
    )
    assert (by_option.connections.head_timeout_s, by_option.connections.connections) == (5, 6)
    assert (by_option.keep_alive_s, by_option.stop_timeout_s) == (8, 9)


def test_the_burst_follows_the_rate():
    assert _config(options("--data", "x", "--requests-per-second", "1000")).rates.burst == 2_000
    assert _config(options("--data", "x", "--requests-per-second", "0.1")).rates.burst == 1


def test_help_names_every_option_with_its_variable_and_an_example():
    text = CliRunner().invoke(serve, ["--help"]).output
    for option in serve.params:
        assert option.opts[0] in text
        if option.envvar:
            assert str(option.envvar) in text
    assert "Example: nikdev serve" in text
    missing = [option.name for option in serve.params if not option.envvar and option.name != "help"]
    assert missing == []


def test_a_database_comes_later():
    with pytest.raises(ConfigError, match="PostgreSQL yet"):
        _config(options("--database", "postgresql://user:secret@host/x"))
    with pytest.raises(ConfigError) as caught:
        _config(options("--database", "other://user:secret@host/x"))
    assert "secret" not in str(caught.value)


def test_data_is_a_folder():
    assert _config(options("--data", "some/folder")).data == Path("some/folder")


def test_the_page_is_there_unless_it_is_switched_off_and_no_proxy_is_trusted_unasked():
    assert _config(options("--data", "x")).trusted_proxies == ""
