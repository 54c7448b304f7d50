"""ES modules that always come together, joined into one: on a slow line each request costs more than its bytes.

A joined module exports everything that its parts export. Each part goes on under its own name and hands on what the
joined one has, and modules beside them import from that at once; so nothing in it, such as the one time axis of a page,
is there twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["join_modules", "without_comments"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_ANY_IMPORT = re.compile(r"^import[ {\"'*]", re.MULTILINE)
_DECLARED = re.compile(
    r"^(export )?(?:async )?(?:const|let|class|function\*?) (?:([A-Za-z_$][\w$]*)|\[([^\]]*)\]|\{([^}]*)\})",
    re.MULTILINE,
)
_OTHER_EXPORT = re.compile(r"^export (?!(?:async )?(?:const|let|class|function\*?) )", re.MULTILINE)
_COMMENT = re.compile(r"^[ ]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)


def without_comments(text: str) -> str:
    """Return a module without the comments that have lines of their own: on a slow line they cost as code does. Pure.

    A template literal must not have a line that looks like one.
    """
    return _COMMENT.sub("", text)


def join_modules(modules: Mapping[str, str], parts: Sequence[str], joined: str) -> dict[str, str]:
    """Return the modules with `joined` among them, made of `parts`; names are those in one folder. Pure.

    Raises:
        ValueError: a part has an import or an export of a form that is not understood here, two have the same name at
            their top, or they import each other in a circle.
    """
    declared: dict[str, str] = {}
    exports: dict[str, list[str]] = {}
    for part in parts:
        exports[part] = []
        for export, name, *several in _DECLARED.findall(modules[part]):
            for one in [name] if name else re.findall(r"[A-Za-z_$][\w$]*", " ".join(several)):
                if one in declared:
                    raise ValueError(f"{part} and {declared[one]} both have a {one!r}")
                declared[one] = part
                if export:
                    exports[part].append(one)
        if _OTHER_EXPORT.search(modules[part]):
            raise ValueError(f"{part} exports in a way that is not understood")
    outside: dict[str, set[str]] = {}
    bodies = []
    for part in _in_order(modules, parts):
        for names, source in _IMPORT.findall(modules[part]):
            if source not in parts:
                outside.setdefault(source, set()).update(name.strip() for name in names.split(",") if name.strip())
        body = _IMPORT.sub("", modules[part])
        if _ANY_IMPORT.search(body):
            raise ValueError(f"{part} imports in a way that is not understood")
        bodies.append(re.sub(r"^export ", "", body, flags=re.MULTILINE))
    head = "".join(f'import {{ {", ".join(sorted(names))} }} from "./{source}";\n' for source, names in outside.items())
    everything = sorted(name for names in exports.values() for name in names)

    def from_joined(found: re.Match[str]) -> str:
        return found[0].replace(f'"./{found[2]}"', f'"./{joined}"') if found[2] in parts else found[0]

    made = {name: _IMPORT.sub(from_joined, text) for name, text in modules.items()}
    made |= {part: f'export {{ {", ".join(names)} }} from "./{joined}";\n' for part, names in exports.items()}
    made[joined] = f"{head}{''.join(bodies)}export {{ {', '.join(everything)} }};\n"
    return made


def _in_order(modules: Mapping[str, str], parts: Sequence[str]) -> list[str]:
    """Return the parts, each after those that it imports."""
    ordered: list[str] = []

    def add(part: str, above: tuple[str, ...]) -> None:
        if part in above:
            raise ValueError(f"{part} imports itself, by way of {', '.join(above)}")
        if part in ordered:
            return
        for _, source in _IMPORT.findall(modules[part]):
            if source in parts:
                add(source, (*above, part))
        ordered.append(part)

    for part in parts:
        add(part, ())
    return ordered
