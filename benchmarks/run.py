"""Run the benchmarks, print the table, and keep it in `docs/benchmarks.md` when asked to."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from . import backlog, commit, fleet, footprint, live, pages, small_pushes, startup
from .report import Row, table, write_into

_ALL = {
    "startup": startup,
    "commit": commit,
    "backlog": backlog,
    "footprint": footprint,
    "small-pushes": small_pushes,
    "live": live,
    "fleet": fleet,
    "pages": pages,
}


def main() -> None:
    """Run all, or those named."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(_ALL)}; all when none is named")
    parser.add_argument("--keep", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    unknown = set(options.names) - set(_ALL)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(_ALL)}")
    rows: list[Row] = []
    for name in options.names or _ALL:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += _ALL[name].run()
    text = table(rows, date=datetime.datetime.now(datetime.UTC).date().isoformat())
    print(text)
    if options.keep:
        write_into(Path(__file__).parent.parent / "docs" / "benchmarks.md", text)


if __name__ == "__main__":
    main()
