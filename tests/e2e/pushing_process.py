"""A device program that pushes its backlog, printing how far it is and, at the end, its highest memory use in kB.

usage: pushing_process.py CONFIG_JSON
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from nikdev_iot import Api


def main() -> None:
    """Push once."""
    with Api(json.loads(sys.argv[1])) as api:
        api.push(progress=lambda progress: print(f"pushed {progress.pushed}", flush=True))
    # Not ru_maxrss: that one begins with what the parent had before exec.
    print("peak", re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1], flush=True)


if __name__ == "__main__":
    main()
