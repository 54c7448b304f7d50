from __future__ import annotations

import random
import threading
import time
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nikdev_iot.journal.errors import ClaimLost
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import CommitState
from nikdev_iot.model.commits import Receipt
from nikdev_iot.model.errors import JournalError, ValueRefused
from nikdev_iot.wire.pack import decode_content, encode_content

from .processes import finish, kill, run, start
from .strategies import rows as any_rows
from .test_shapes import same


def test_a_commit_has_its_number_origin_and_time(journal):
    first = journal.commit({"a": 1.5})
    second = journal.commit({"a": 2, "b": "text"}, message="why")
    third = journal.commit({"c": True}, time_us=5)
    assert first == Receipt(1, uuid.UUID(int=7), first.time_us)
    assert (second.number, third.number, third.time_us) == (2, 3, 5)
    assert first.time_us < second.time_us
    assert same(journal.show(2).values, {"a": 2, "b": "text"})
    assert (journal.show(2).message, journal.show(3).time_us) == ("why", 5)


def test_no_empty_commit(journal):
    with pytest.raises(ValueRefused, match="without values"):
        journal.commit({})
    assert journal.log(limit=5) == []


def test_only_a_time_that_was_not_given_can_be_repaired_later(journal, clock):
    journal.commit({"a": 1})
    journal.commit({"a": 1})
    journal.commit({"a": 1}, time_us=5)
    clock.boot = "boot-2"
    again = Journal.open(journal.path, clock=clock)
    again.commit({"a": 1})
    again.close()
    rows = journal._database._connection.execute(
        "SELECT mono_ns, boot_id FROM commits LEFT JOIN boots ON boots.id = boot ORDER BY commits.id"
    ).fetchall()
    assert rows == [(0, "boot-1"), (1, "boot-1"), (None, None), (2, "boot-2")]


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1)])
def test_durability_is_sqlites_synchronous_over_a_write_ahead_log(path, durability, level):
    with Journal.open(path, durability=durability) as journal:
        connection = journal._database._connection
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA fullfsync").fetchone() == (1,)


def test_a_commit_is_one_transaction_of_one_page(journal):
    """An SD card pays for every page: no index, counter or state is written with a commit."""
    journal.commit({"a": 1})
    connection = journal._database._connection
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(10):
        journal.commit({"a": 1})
    (_, frames, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert frames == 10


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(any_rows, st.sampled_from(["take", "reject", "bulk"])), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_what_was_committed_is_what_the_packs_hold(todo, max_commits):
    with Journal.open(":memory:") as journal:
        expected = {}
        for number, ((time_us, values, message), what) in enumerate(todo, 1):
            if what == "bulk":
                journal.commit_many([(time_us, values, message)])
            else:
                assert journal.commit(values, time_us=time_us, message=message).number == number
            if what == "reject":
                journal.set_rejected({number: "no"})
            else:
                expected[number] = (time_us, values, message)
        found, parent, end = {}, journal.acknowledged.hash, 0
        while pack := journal.next_pack(max_commits=max_commits, max_bytes=1 << 20):
            content = encode_content(pack)
            pack = decode_content(content)
            assert (pack.first, pack.parent) == (end + 1, parent)
            assert pack.row_count <= max_commits
            end, parent = pack.last, uuid.uuid4().bytes * 2
            journal.record_sent(pack, parent)
            journal.settle(parent)
            found.update({c.number: (c.time_us, dict(c.values), c.message) for c in pack.commits()})
        assert found.keys() == expected.keys()
        for number, (time_us, values, message) in expected.items():
            assert found[number][::2] == (time_us, message)
            # A pack's columns have an order of their own; each value is as it was.
            assert same(dict(sorted(found[number][1].items())), dict(sorted(values.items())))


def test_a_journal_is_of_one_device(path):
    Journal.open(path).close()
    Journal.open(path, device_id="0AB").close()
    Journal.open(path, device_id="0ab").close()
    with pytest.raises(JournalError, match="belongs to the device 0AB, not to 0AC") as caught:
        Journal.open(path, device_id="0AC")
    assert "of its own" in caught.value.hint


def test_a_new_origin_made_elsewhere_numbers_the_next_commit(journal):
    """The seam for forks: this object does not know yet, and finds out in the same transaction."""
    journal.commit({"a": 1})
    journal.commit({"a": 1})
    other = Journal.open(journal.path)
    with other._database.write("fork") as connection:
        connection.execute(
            "INSERT INTO origins (uuid, base, acked, acked_hash, created_us) VALUES (?, 2, 0, ?, 0)",
            (uuid.UUID(int=8).bytes, bytes(32)),
        )
    other.close()
    assert journal.commit({"a": 2}, time_us=3) == Receipt(1, uuid.UUID(int=8), 3)
    assert journal.commit({"a": 2}, time_us=3) == Receipt(2, uuid.UUID(int=8), 3)
    assert [(entry.number, entry.origin.int) for entry in journal.log(limit=9)] == [(2, 8), (1, 8), (2, 7), (1, 7)]
    # What the old origin had is not the new one's to acknowledge: a fork moves them, in an issue of its own.
    assert journal.next_pack(max_commits=9, max_bytes=999).first == 1


def test_closing_twice_and_using_it_again_is_harmless(journal):
    journal.commit({"a": 1})
    journal.close()
    journal.close()
    assert journal.commit({"a": 1}).number == 2


def test_a_journal_in_memory_ends_with_close():
    journal = Journal.open(":memory:")
    journal.commit({"a": 1})
    assert journal.status().size_bytes == 0
    journal.close()
    with pytest.raises(JournalError, match="in memory"):
        journal.commit({"a": 1})


# -- several of them ----------------------------------------------------------------------------------

COMMITTER = """
name, count = sys.argv[2], int(sys.argv[3])
journal = Journal.open(path)
sys.stdin.readline()
lock = threading.Lock()
def work(thread):
    for serial in range(count):
        receipt = journal.commit({"who": f"{name}.{thread}", "serial": serial, "n": serial / 7})
        with lock:
            print(receipt.number, f"{name}.{thread}", serial, flush=True)
threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
journal.close()
"""


def test_processes_and_threads_commit_to_one_file(path):
    processes = [start(COMMITTER, path, f"p{number}", 40) for number in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    receipts = [line.split() for process in processes for line in finish(process)]
    assert sorted(int(number) for number, *_ in receipts) == list(range(1, 4 * 2 * 40 + 1))
    with Journal.open(path) as journal:
        assert journal.check() == []
        for number, who, serial in receipts:
            values = journal.show(int(number)).values
            assert values == {"who": who, "serial": int(serial), "n": int(serial) / 7}
    # Each thread's own commits are in its own order.
    by_thread = {}
    for number, who, serial in receipts:
        by_thread.setdefault(who, []).append((int(number), int(serial)))
    assert all([serial for _, serial in sorted(pairs)] == list(range(40)) for pairs in by_thread.values())


def test_no_printed_receipt_is_lost_by_kill_9(path):
    Journal.open(path).close()
    chance = random.Random(9)
    printed = {}
    for round_number in range(6):  # more of them: tests/crash
        process = start(
            """
            journal = Journal.open(path)
            serial = 0
            while True:
                values = {"round": int(sys.argv[2]), "serial": serial, "f": serial / 3, "t": "é" * (serial % 5)}
                print(journal.commit(values, message="m" if serial % 2 else None).number, serial, flush=True)
                serial += 1
            """,
            path,
            round_number,
        )
        process.stdout.readline()
        killer = threading.Timer(chance.uniform(0.005, 0.1), process.kill)
        killer.start()
        printed[0, round_number] = None
        for line in process.stdout:
            if line.endswith("\n"):
                number, serial = map(int, line.split())
                printed[number, round_number] = serial
        killer.join()
        kill(process)
    receipts = {number: (serial, r) for (number, r), serial in printed.items() if number}
    with Journal.open(path) as journal:
        assert journal.check() == []
        for number, (serial, round_number) in receipts.items():
            entry = journal.show(number)
            assert (entry.values["round"], entry.values["serial"]) == (round_number, serial)
            assert (entry.values["f"], entry.values["t"]) == (serial / 3, "é" * (serial % 5))
            assert entry.message == ("m" if serial % 2 else None)
        count = journal.status().unpushed
    print(f"{len(receipts)} receipts read, {count} commits in the journal")
    assert len(receipts) >= 6
    # At most one commit per round was made without its receipt being read, and one read by readline() above.
    assert len(receipts) <= count <= len(receipts) + 3 * 6


def test_a_forked_child_goes_on_with_the_same_object(path):
    out = run(
        """
        def tell(who):
            # One write: the two share the pipe.
            os.write(1, f"{who} {journal.commit({'who': who}).number}\\n".encode())

        journal = Journal.open(path)
        tell("parent")
        child = os.fork()
        for _ in range(20):
            tell("parent" if child else "child")
        journal.close()
        if not child:
            time.sleep(0.2)
            journal.commit({"who": "late child"})
            os._exit(0)
        # Here the parent closed first: the log that the child still writes to must not go with it.
        assert os.waitpid(child, 0)[1] == 0
        tell("parent")
        """,
        path,
    )
    pairs = sorted((int(number), who) for who, number in map(str.split, out))
    late = set(range(1, 44)) - {number for number, _ in pairs}
    assert len(late) == 1
    with Journal.open(path) as journal:
        assert journal.check() == []
        assert {journal.show(number).values["who"] for number in late} == {"late child"}
        assert [journal.show(number).values["who"] for number, _ in pairs] == [who for _, who in pairs]


def test_a_fork_while_another_thread_commits_does_not_hang_the_child(path):
    out = run(
        """
        journal = Journal.open(path)
        stop = threading.Event()
        def work():
            while not stop.is_set():
                journal.commit({"a": 1}); time.sleep(0.001)  # else the child seldom gets its turn
        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(10):
            child = os.fork()
            if not child:
                journal.commit({"b": 1})
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stop.set(); thread.join()
        print("done")
        """,
        path,
    )
    assert out == ["done"]
    with Journal.open(path) as journal:
        assert journal.check() == []
        entries = journal.log(limit=100_000)
        assert sum("b" in journal.show(entry.number).values for entry in entries) == 10


def test_a_signal_handler_that_commits_is_told_so(path):
    out = run(
        """
        import signal
        journal = Journal.open(path)
        inside = []
        def handler(*_):
            try:
                journal.commit({"from": "handler"})
            except JournalError as error:
                inside.append(str(error))
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        give_up = time.monotonic() + 20
        made = 0
        while not inside and time.monotonic() < give_up:
            journal.commit({"from": "main"}); made += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(inside[0]); print(made == sum(
            journal.show(e.number).values["from"] == "main" for e in journal.log(limit=10**6)))
        """,
        path,
    )
    assert "inside another call" in out[0]
    assert out[1] == "True"


# -- together with staged values ---------------------------------------------------------------------------


def test_a_commit_removes_what_it_took_from_the_stage(journal):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    journal.stage({"b": 2})
    receipt = journal.commit(taken.values, unstage=taken.token)
    assert journal.show(receipt.number).values == {"a": 1}
    assert journal.peek_staged() == {"b": 2}
    assert journal.commit({"c": 1}, unstage=taken.token).number == 2


def test_what_another_program_took_over_is_not_committed_twice(journal):
    journal.stage({"a": 1})
    taken = journal.take_staged()
    with journal._database.write("be another program") as connection:
        connection.execute("DELETE FROM staged")
    with pytest.raises(ClaimLost, match="used by another"):
        journal.commit(taken.values, unstage=taken.token)
    assert journal.log(limit=1) == []


def test_the_log_is_newest_first_and_pages(journal):
    for number in range(1, 6):
        journal.commit({"n": number, "m": 1})
    journal.set_rejected({2: "no"})
    page = journal.log(limit=2)
    assert [(entry.number, entry.value_count, entry.values) for entry in page] == [(5, 2, None), (4, 2, None)]
    rest = journal.log(limit=10, before=page[-1].id)
    assert [(entry.number, entry.state) for entry in rest] == [
        (3, CommitState.UNPUSHED),
        (2, CommitState.REJECTED),
        (1, CommitState.UNPUSHED),
    ]
    assert journal.log(limit=0) == []


def test_a_commit_waits_for_another_process_that_writes(journal, path):
    other = start(
        """
        journal = Journal.open(path)
        with journal._database.write("hold"):
            print("held", flush=True)
            time.sleep(1)
        """,
        path,
    )
    assert other.stdout.readline() == "held\n"
    began = time.monotonic()
    journal.commit({"a": 1})
    assert time.monotonic() - began > 0.1
    finish(other)
