from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nikdev_iot.server.config import IngestLimits, RateLimits, ServerConfig, default_data_folder


def test_the_defaults_are_the_promised_ones():
    config = ServerConfig(data=Path("x"))
    assert (config.host, config.port) == ("127.0.0.1", 8321)
    assert (RateLimits().requests_per_s, RateLimits().burst) == (200, 400)
    assert RateLimits().access_cache_s < 2, "a revocation is in force within 2 s"
    assert IngestLimits().fields_per_device == 1_000
    assert IngestLimits().remember_entries_days == 30


def test_there_is_a_folder_where_none_is_named():
    assert default_data_folder().is_absolute()
    assert "nikdev-iot" in default_data_folder().parts


def test_the_defaults_can_be_shown_without_loading_a_server():
    check = (
        "import sys, nikdev_iot.server.config; print([m for m in ('fastapi', 'uvicorn', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
