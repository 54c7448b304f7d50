"""Everything that can happen next in a world: by the devices, the server, the network, the users, and by bad luck."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, cast

from . import journal as disk
from .rules import Compared, Rules
from .state import Journal, Line, Message, Pack, World, interned

__all__ = ["Step", "hear", "request", "serve", "steps"]

Step: TypeAlias = tuple[str, World]
"""What happened, and what there is then."""
UNDER_WAY = 2
"""So many messages are under way at once, at most."""
_REQUESTS = {"pack", "mark?", "digests?"}


def steps(world: World, rules: Rules, commits: int) -> Iterator[Step]:
    """Yield what can come next; no more than `commits` are ever made."""
    for at, journal in enumerate(world.journals):
        if world.made < commits:
            grown = disk.commit(journal, world.made)
            yield f"device {at} commits", _with(world, at, grown)._replace(made=world.made + 1)
        yield from request(world, at, rules)
        if journal.phase:
            yield f"device {at} gives up, or is killed", _at_rest(world, at, rules)
        yield from _users(world, at, rules)
    yield from _network(world, rules)
    yield from _bad_luck(world, rules)


# -- devices --------------------------------------------------------------------------------------------


def request(world: World, at: int, rules: Rules) -> Iterator[Step]:
    """Let a push begin or go on: one request."""
    journal = world.journals[at]
    if journal.phase not in {(), ("go",)}:
        return
    waiting = disk.queue(journal)
    if not waiting:
        return
    if journal.flight and not journal.phase:
        asking = journal._replace(phase=("mark",))
        yield from _send(world, at, asking, Message("mark?", at, journal.origin), "asks for the mark", rules)
        return
    for last in sorted({waiting[0], waiting[-1]}):
        pack = disk.next_pack(journal, last)
        if not rules.declared:
            pack = pack._replace(first=min([number for number, _ in pack.commits]))
        sent = disk.record(journal, pack, rules)._replace(phase=("pack", pack.hash))
        message = Message("pack", at, journal.origin, pack, journal.epoch)
        yield from _send(world, at, sent, message, f"sends {pack.first} to {pack.last}", rules)


def _send(world: World, at: int, journal: Journal, message: Message, what: str, rules: Rules) -> Iterator[Step]:
    world = _with(_at_rest(world, at, rules), at, journal)
    if len(world.net) < UNDER_WAY:
        yield f"device {at} {what}", world._replace(net=tuple(sorted([*world.net, message])))


def _at_rest(world: World, at: int, rules: Rules) -> World:
    """Let a device forget what it was doing; requests that are under way may still arrive."""
    if rules.stale:
        net = [
            one if one.owner != at else one._replace(owner=-1)
            for one in world.net
            if one.owner != at or one.kind == "pack"
        ]
        world = world._replace(net=tuple(sorted(net)))
    return _with(world, at, world.journals[at]._replace(phase=()))


def hear(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    """Let a device have an answer; each write to its disk may be the last before it is killed."""
    at, journal = message.owner, world.journals[message.owner]
    if message.kind == "refused":
        journal = disk.reject(journal, message.told[0][1])
        yield f"device {at} sets a commit aside", _going_on(world, at, journal)
    elif message.kind == "digests":
        yield from _hear_digests(world, message, rules)
    elif message.kind == "ok":
        yield from _hear_ok(world, message, rules)
    elif journal.before and message.origin == journal.before[-1].origin:
        yield from _hear_of_before(world, message, rules)
    elif message.origin == journal.origin:
        is_news = message.epoch != journal.epoch and message.mark[0] == 0
        if rules.before and is_news and journal.before:
            asking = Message("mark?", at, journal.before[-1].origin)
            phase = ("before", message.epoch)
            what = "asks for the mark of the origin before"
            yield from _send(world, at, journal._replace(phase=phase), asking, what, rules)
        else:
            yield from _conclude(world, at, message.mark, message.epoch, rules)
    else:
        yield "answer passed over", world


def _hear_ok(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    at, journal, pack = message.owner, world.journals[message.owner], cast("Pack", message.pack)
    if any(sent.hash == pack.hash for sent in journal.flight):
        settled = disk.settle(journal, pack.hash, rules)
    elif not rules.flight:
        settled = journal._replace(acked=pack.last, parent=pack.hash, packs=(*journal.packs, (pack.last, pack.hash)))
    else:
        yield "answer passed over", world
        return
    yield from _write(world, at, settled, message.epoch, "acknowledges", rules)


def _hear_of_before(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    """A server that lacks what it had of the origin before was set back behind the fork: so shall the journal be."""
    at, journal = message.owner, world.journals[message.owner]
    if journal.phase != ("before", message.epoch):
        yield f"device {at} finds that the server was restored meanwhile", _going_on(world, at, journal)
    elif message.mark[0] < journal.before[-1].reach:
        yield f"device {at} goes back to the origin before", _going_on(world, at, disk.unfork(journal))
    else:
        yield from _conclude(world, at, (0, 0), message.epoch, rules)


def _hear_digests(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    at, journal = message.owner, world.journals[message.owner]
    if journal.phase[:1] != ("digests",) or message.origin != journal.origin:
        yield "answer passed over", world
        return
    _, number, content, epoch, first = cast("tuple[str, int, int, int, int]", journal.phase)
    if rules.one_incarnation and message.epoch != epoch:
        yield f"device {at} finds that the server was restored meanwhile", _going_on(world, at, journal)
        return
    found = rules.decide.compare(journal, dict(message.told), first=first, upto=number)
    if found.spent and not rules.spent:
        found = found._replace(differs=found.spent[0], equal=found.spent[0] - 1, spent=())
    yield from _reconcile(world, at, found, (number, content), epoch, rules)


def _conclude(world: World, at: int, mark: tuple[int, int], epoch: int, rules: Rules) -> Iterator[Step]:
    journal = world.journals[at]
    verdict, content = rules.decide.judge_mark(mark, journal)
    if verdict == "stored":
        settled = disk.settle(journal, content, rules)
        yield from _write(world, at, settled, epoch, "finds its pack stored", rules)
    elif verdict == "send on":
        going = journal._replace(epoch=epoch)
        yield f"device {at} finds that nothing arrived", _going_on(world, at, going)
    elif verdict == "set back" and rules.set_back:
        back = disk.rewind(journal, *mark)
        yield from _write(world, at, back, epoch, f"goes back to {mark[0]}", rules)
    elif verdict == "set back" or not rules.digests:
        found = Compared(journal.acked, journal.acked + 1 if disk.queue(journal) else 0, ())
        yield from _reconcile(world, at, found, mark, epoch, rules)
    else:
        known = journal.acked
        believes = (epoch == journal.epoch or not rules.from_the_oldest) and mark[0] > known
        phase = ("digests", *mark, epoch, known + 1 if believes else 1)
        asking = Message("digests?", at, journal.origin)
        yield from _send(world, at, journal._replace(phase=phase), asking, "asks for the digests", rules)


def _reconcile(
    world: World, at: int, found: Compared, mark: tuple[int, int], epoch: int, rules: Rules
) -> Iterator[Step]:
    journal = world.journals[at]
    if not found.differs or found.equal == mark[0]:
        adopted = disk.adopt(journal, found, mark, rules)
        yield from _write(world, at, adopted, epoch, f"finds all stored up to {found.equal}", rules)
        return
    made = dict(journal.rows)[found.differs]
    name = ("derived", journal.origin, made) if rules.derived else ("fresh", world)
    forked = disk.fork(journal, found, interned(name), rules)
    yield from _write(world, at, forked, epoch, f"goes on from {found.differs} under a new origin", rules)


def _write(world: World, at: int, journal: Journal, epoch: int, what: str, rules: Rules) -> Iterator[Step]:
    """Write what was concluded, then the epoch; between the two, the device may be killed."""
    yield f"device {at} {what}", _going_on(world, at, journal._replace(epoch=epoch))
    if epoch == world.journals[at].epoch:
        return
    half = journal if rules.epoch_last else world.journals[at]._replace(epoch=epoch)
    killed = _at_rest(_with(world, at, half), at, rules)
    yield f"device {at} {what}, and is killed before its next write", killed


def _going_on(world: World, at: int, journal: Journal) -> World:
    return _with(world, at, journal._replace(phase=("go",) if journal.flight else ()))


# -- the server -----------------------------------------------------------------------------------------


def serve(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    """Let the server answer a request, or be killed at it: then it has done all of it, or nothing (a lost request)."""
    lines = dict(world.server)
    line = lines.get(message.origin, Line())
    if message.kind == "mark?":
        yield "the server tells its mark", _mark(world, message, line)
        return
    if message.kind == "digests?":
        told = tuple(commit for pack in line.packs for commit in pack.commits)
        answer = message._replace(kind="digests", epoch=world.epoch, told=told)
        yield "the server tells its digests", _answer(world, answer)
        return
    pack = cast("Pack", message.pack)
    verdict = rules.decide.judge_pack(pack, message.epoch if rules.epoch else world.epoch, line, world.epoch)
    left_out = {
        "fork": not rules.parent,
        "overlap": not rules.mark,
        "gap": not rules.mark,
        "duplicate": not rules.memory,
    }
    if left_out.get(verdict):
        verdict = "stored"
    if verdict == "stored":
        packs = (*line.packs, pack)
        lines[message.origin] = Line(pack.last, pack.hash, packs)
        stored = world._replace(server=tuple(sorted(lines.items())))
        yield f"the server stores {pack.first} to {pack.last}", _ok(stored, message)
        if not rules.transaction:
            lines[message.origin] = line._replace(packs=packs)
            half = world._replace(server=tuple(sorted(lines.items())))
            yield f"the server stores {pack.first} to {pack.last}, and is killed before it moves its mark", half
        if dict(world.left).get("refuse"):
            for commit in pack.commits:
                answer = message._replace(kind="refused", pack=(), told=(commit,))
                yield f"the server refuses number {commit[0]}", _answer(_less(world, "refuse"), answer)
    elif verdict == "duplicate":
        yield "the server knows the pack again", _ok(world, message)
    else:
        yield f"the server answers: {verdict}", _mark(world, message, line)


def _ok(world: World, message: Message) -> World:
    return _answer(world, message._replace(kind="ok", epoch=world.epoch))


def _mark(world: World, message: Message, line: Line) -> World:
    answer = message._replace(kind="mark", pack=(), epoch=world.epoch, mark=(line.number, line.hash))
    return _answer(world, answer)


def _answer(world: World, message: Message) -> World:
    return world._replace(net=tuple(sorted([*world.net, message]))) if message.owner >= 0 else world


# -- the network ----------------------------------------------------------------------------------------


def _network(world: World, rules: Rules) -> Iterator[Step]:
    for index, message in enumerate(world.net):
        if index and message == world.net[index - 1]:
            continue
        without = world._replace(net=world.net[:index] + world.net[index + 1 :])
        if message.owner < 0 or not rules.stale:
            # Of a request that is waited for, or an answer, loss is the same as that it comes after it was given up.
            yield f"lost: {message.kind}", without
        if message.kind in _REQUESTS:
            yield from serve(without, message, rules)
            if message.kind == "pack" and message.owner >= 0 and len(world.net) < UNDER_WAY:
                twin = message._replace(owner=-1)
                yield "doubled: pack", world._replace(net=tuple(sorted([*world.net, twin])))
        elif message.owner >= 0:
            yield from hear(without, message, rules)


# -- users ----------------------------------------------------------------------------------------------


def _users(world: World, at: int, rules: Rules) -> Iterator[Step]:
    journal, left = world.journals[at], dict(world.left)
    if left.get("take back") and any(why == "rejected" for _, why in journal.holes):
        again = _with(_less(world, "take back"), at, disk.restore(journal, rules))
        yield f"device {at} takes back what was set aside", again
    if left.get("discard") and disk.queue(journal):
        made = dict(journal.rows)[disk.queue(journal)[0]]
        thrown = _with(_less(world, "discard"), at, disk.discard(journal))
        yield f"device {at} throws commit {made} away", thrown._replace(excused=world.excused | {made})
    if left.get("evict"):
        holes = dict(journal.holes)
        if any(number <= journal.acked and number not in holes for number, _ in journal.rows):
            yield (
                f"device {at} evicts its oldest",
                _excusing(world, _with(_less(world, "evict"), at, disk.evict(journal))),
            )


# -- bad luck -------------------------------------------------------------------------------------------


def _bad_luck(world: World, rules: Rules) -> Iterator[Step]:
    left = dict(world.left)
    if left.get("copy"):
        twin = world.journals[0]._replace(phase=())
        yield "the journal is copied", _less(world, "copy")._replace(journals=(*world.journals, twin))
    if left.get("server"):
        if not world.server_backup:
            yield "the server is backed up", world._replace(server_backup=(world.server,))
        else:
            epoch = world.epoch + 1 if rules.new_epoch else world.epoch
            back = _less(world, "server")._replace(server=world.server_backup[0], server_backup=(), epoch=epoch)
            yield "the server is restored", _excusing(world, back)
    if left.get("journal"):
        if not world.journal_backup:
            yield "the journal is backed up", world._replace(journal_backup=(world.journals[0]._replace(phase=()),))
        else:
            back = _with(_at_rest(_less(world, "journal"), 0, rules), 0, world.journal_backup[0])
            yield "the journal is restored", _excusing(world, back._replace(journal_backup=()))


def _excusing(before: World, after: World) -> World:
    """What a restore, or eviction from a device that cannot know of one, left nowhere may be missing."""
    lost = everywhere(before) - everywhere(after)
    return after._replace(excused=after.excused | lost)


def everywhere(world: World) -> frozenset[int]:
    """Return all commits that are on the server, or in a journal."""
    stored = [made for _, line in world.server for pack in line.packs for _, made in pack.commits]
    kept = [made for journal in world.journals for _, made in journal.rows]
    return frozenset([*stored, *kept])


def _with(world: World, at: int, journal: Journal) -> World:
    return world._replace(journals=(*world.journals[:at], journal, *world.journals[at + 1 :]))


def _less(world: World, what: str) -> World:
    return world._replace(left=tuple((name, count - (name == what)) for name, count in world.left))
