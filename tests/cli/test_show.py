from __future__ import annotations

from tests.cli.running import nikdev


def test_a_commit_with_its_values(alone):
    alone.commit("t=21.0", "on=true", message="a note")
    out = nikdev("show", 1).out
    assert out.startswith("commit 1 of ")
    assert "    a note\n" in out
    assert out.endswith("  t = 21.0\n  on = true\n")
    found = nikdev("show", 1, "--json").json
    assert found["values"] == {"t": 21.0, "on": True}
    assert found["value_count"] == 2


def test_a_number_that_is_not_there(alone):
    done = nikdev("show", 7)
    assert done.code == 4
    assert "There is no commit 7" in done.err
