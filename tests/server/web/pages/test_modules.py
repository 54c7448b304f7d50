from __future__ import annotations

import re
from importlib.resources import files

import pytest

from nikdev_iot.server.web.pages.assets import _TOGETHER, assets
from nikdev_iot.server.web.pages.modules import join_modules, without_comments

TWO = {
    "a.js": 'import { b, B } from "./b.js";\nimport { far } from "./far.js";\n\nexport const a = () => B + far;\n',
    "b.js": "// Says b.\nexport function b() { return 1; }\nexport const [B, C] = [2, 3];\nconst own = 4;\n",
    "far.js": "export let far = 5;\n",
    "user.js": 'import { a } from "./a.js";\nimport { far } from "./far.js";\nimport("./b.js");\na(far);\n',
}


def test_parts_become_one_in_the_order_of_their_imports() -> None:
    made = join_modules(TWO, ["a.js", "b.js"], "all.js")
    assert made["all.js"] == (
        'import { far } from "./far.js";\n'
        "// Says b.\nfunction b() { return 1; }\nconst [B, C] = [2, 3];\nconst own = 4;\n"
        "\nconst a = () => B + far;\n"
        "export { B, C, a, b };\n"
    )


def test_parts_hand_on_what_the_joined_one_has() -> None:
    made = join_modules(TWO, ["a.js", "b.js"], "all.js")
    assert made["a.js"] == 'export { a } from "./all.js";\n'
    assert made["b.js"] == 'export { b, B, C } from "./all.js";\n'


def test_comments_with_lines_of_their_own_are_left_out() -> None:
    text = (
        "// one\nconst a = 1; // two\n/** three\n * four\n */\n"
        '  // five\n/* six */\nconst b = "// seven"; /* eight */\n'
    )
    assert without_comments(text) == 'const a = 1; // two\nconst b = "// seven"; /* eight */\n'


def test_no_template_of_ours_has_a_line_that_looks_like_a_comment() -> None:
    folder = files("nikdev_iot.server.web.pages").joinpath("static/js")
    templates = [found for file in folder.iterdir() for found in re.findall(r"`[^`]*`", file.read_text())]
    assert templates
    assert [without_comments(template) for template in templates] == templates


def test_others_import_from_the_joined_one() -> None:
    made = join_modules(TWO, ["a.js", "b.js"], "all.js")
    assert made["user.js"].startswith('import { a } from "./all.js";\nimport { far } from "./far.js";\n')
    assert made["far.js"] == TWO["far.js"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("const own = 1;\n", "both have a 'own'"),
        ("export default 1;\n", "exports in a way"),
        ("export { x };\n", "exports in a way"),
        ('import x from "./far.js";\n', "imports in a way"),
        ('import * as x from "./far.js";\n', "imports in a way"),
        ('import "./far.js";\n', "imports in a way"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        join_modules({**TWO, "c.js": text}, ["b.js", "c.js"], "all.js")


def test_a_circle_is_refused() -> None:
    modules = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match="imports itself"):
        join_modules(modules, ["a.js", "b.js"], "all.js")


@pytest.mark.parametrize(("joined", "parts"), _TOGETHER.items())
def test_what_comes_together_is_joined(joined: str, parts: tuple[str, ...]) -> None:
    made = assets()[1]
    assert f"js/{joined}" in made
    for part in parts:
        assert made[f"js/{part}"].content.decode().endswith(f'from "./{joined}";\n')
    assert len(made[f"js/{joined}"].squeezed or b"") < 30_000
