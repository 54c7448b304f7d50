from __future__ import annotations

import os

import pytest

from nikdev_iot.journal.errors import ClaimLost
from nikdev_iot.journal.journal import Journal

from .processes import finish, kill, run, start


def test_values_staged_are_merged_in_order_and_keep_their_kinds(journal):
    journal.stage({"a": 1, "b": -0.0})
    journal.stage({"c": True, "a": 1.0})
    journal.stage({})
    values = journal.take_staged().values
    assert list(values.items()) == [("a", 1.0), ("b", 0.0), ("c", True)]
    assert [type(value) for value in values.values()] == [float, float, bool]
    assert str(values["b"]) == "-0.0"


def test_what_is_taken_is_not_given_out_again_while_its_claimer_lives(journal, path):
    journal.stage({"a": 1})
    first = journal.take_staged()
    with Journal.open(path) as other:
        assert other.take_staged().values == {}
        assert other.peek_staged() == {"a": 1}
        other.stage({"b": 2})
        assert other.take_staged().values == {"b": 2}
    assert first.values == {"a": 1}
    assert journal.status().staged == 2


def test_saving_replaces_what_was_taken(journal):
    journal.stage({"a": 1, "b": 1})
    taken = journal.take_staged()
    journal.save_staged({"b": 2, "c": 3}, token=taken.token)
    assert journal.take_staged().values == {"b": 2, "c": 3}


def test_saving_nothing_removes_what_was_taken(journal):
    journal.stage({"a": 1})
    journal.save_staged({}, token=journal.take_staged().token)
    assert journal.peek_staged() == {}


def test_saving_without_having_taken_adds(journal):
    journal.stage({"a": 1})
    journal.save_staged({"b": 1})
    assert journal.peek_staged() == {"a": 1, "b": 1}


def test_dropping_removes_what_was_taken_and_nothing_else(journal):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    journal.stage({"b": 1})
    journal.drop_staged(taken.token)
    assert journal.peek_staged() == {"b": 1}
    journal.drop_staged()
    assert journal.peek_staged() == {}
    journal.drop_staged()


def test_dropping_without_a_token_spares_the_living(journal):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    journal.drop_staged()
    assert journal.peek_staged() == {"a": 1}
    journal.commit(taken.values, unstage=taken.token)


def test_no_lock_file_stays_behind(journal, path):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    assert any("-claim-" in name for name in os.listdir(path.parent))
    journal.commit(taken.values, unstage=taken.token)
    assert not any("-claim-" in name for name in os.listdir(path.parent))


@pytest.mark.parametrize("open_path", ["file", ":memory:"])
def test_a_claim_ends_with_its_token(path, open_path):
    with Journal.open(path if open_path == "file" else ":memory:") as journal:
        journal.stage({"a": 1})
        taken = journal.take_staged()
        assert journal.take_staged().values == {}
        del taken
        again = journal.take_staged()
        assert again.values == {"a": 1}
        journal.commit(again.values, unstage=again.token)
        assert journal.peek_staged() == {}


TAKER = """
journal = Journal.open(path)
taken = journal.take_staged()
print(taken.values, flush=True)
sys.stdin.readline()
try:
    print(journal.commit({**taken.values, "own": 1}, unstage=taken.token).number, flush=True)
except ClaimLost:
    print("lost", flush=True)
"""


def test_kill_9_after_taking_loses_nothing(journal, path):
    run('Journal.open(path).save_staged({"a": 1, "t": "text"})', path)
    for _ in range(3):
        taker = start(TAKER, path)
        assert taker.stdout.readline() == "{'a': 1, 't': 'text'}\n"
        assert journal.take_staged().values == {}
        kill(taker)
    taken = journal.take_staged()
    assert taken.values == {"a": 1, "t": "text"}
    journal.commit(taken.values, unstage=taken.token)
    assert not any("-claim-" in name for name in os.listdir(path.parent))


def test_many_who_take_at_once_never_commit_the_same(journal, path):
    for number in range(5):
        journal.save_staged({f"staged{number}": number})
    takers = [start(TAKER, path) for _ in range(5)]
    taken = [taker.stdout.readline() for taker in takers]
    assert sorted(taken) == ["{'staged0': 0, 'staged1': 1, 'staged2': 2, 'staged3': 3, 'staged4': 4}\n"] + [
        "{}\n"
    ] * 4 or (sum(line.count("staged") for line in taken) == 5)
    for taker in takers:
        taker.stdin.write("\n")
        taker.stdin.flush()
    assert sorted(int(line) for taker in takers for line in finish(taker)) == [1, 2, 3, 4, 5]
    fields = [field for number in range(1, 6) for field in journal.show(number).values]
    assert sorted(fields) == ["own"] * 5 + [f"staged{number}" for number in range(5)]
    assert journal.peek_staged() == {}


def test_a_claim_whose_lock_file_was_removed_still_never_commits_twice(journal, path):
    """Somebody tidied up the folder: two take the same, and the first one to commit has it."""
    journal.stage({"a": 1})
    taker = start(TAKER, path)
    assert taker.stdout.readline() == "{'a': 1}\n"
    for name in os.listdir(path.parent):
        if "-claim-" in name:
            (path.parent / name).unlink()
    mine = journal.take_staged()
    assert mine.values == {"a": 1}
    taker.stdin.write("\n")
    taker.stdin.flush()
    assert finish(taker) == ["lost"]
    assert journal.commit(mine.values, unstage=mine.token).number == 1


def test_parent_and_forked_child_never_commit_the_same(path):
    out = run(
        """
        journal = Journal.open(path)
        journal.stage({"a": 1})
        taken = journal.take_staged()
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        try:
            print(journal.commit(taken.values, unstage=taken.token).number, flush=True)
        except ClaimLost:
            print("lost", flush=True)
        if not child:
            os._exit(0)
        """,
        path,
    )
    assert out == ["1", "lost"]


def test_saving_what_another_used_is_refused(journal):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    with journal._database.write("be another program") as connection:
        connection.execute("DELETE FROM staged")
    with pytest.raises(ClaimLost):
        journal.save_staged(taken.values, token=taken.token)
    assert journal.peek_staged() == {}
