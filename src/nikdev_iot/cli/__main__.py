"""`python -m nikdev_iot.cli` is `nikdev`."""

from __future__ import annotations

from .main import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
