from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "files", "connections"),
    [
        (64, 1_000, 10_000, 1_000, 744),
        (64, 1_000, 100, 1_000, 100),
        (300, 300, 10_000, 300, 75),
        (8, 300, 10_000, 300, 75),
    ],
)
def test_it_takes_what_the_system_allows_and_leaves_some_to_the_store(soft, hard, wanted, files, connections):
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "from nikdev_iot.server.files import fitting_connections\n"
        f"print(fitting_connections({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(connections), str(files)]
