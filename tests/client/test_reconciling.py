"""Journals that were copied and put back, and servers that were: nothing is lost, nothing doubled, and it is told."""

from __future__ import annotations

import json

import pytest
from tests.client.worlds import World, commit, copied, open_journal

from nikdev_iot.client.answers import Answer
from nikdev_iot.model.digests import derive_origin
from nikdev_iot.model.errors import PushException


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.stop()


def test_a_server_that_went_back_gets_again_what_it_lacks(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2)
        world.pusher(journal).push()
        world.back_up()
        commit(journal, 3)
        world.pusher(journal).push()
        commit(journal, 4)
        world.restore()
        report = world.pusher(journal).push()
        assert report.pushed == 2
        assert "set back, perhaps to a backup" in report.notices[0]
        assert "up to 3, and now has only those up to 2" in report.notices[0]
        assert world.stored() == [1, 2, 3, 4]
        assert journal.check() == []
        assert world.pusher(journal).push().notices == ()


def test_a_server_that_has_nothing_any_more_gets_all_of_it(world, tmp_path):
    world.back_up()
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2)
        world.pusher(journal).push()
        journal.set_rejected({})
        commit(journal, 3)
        world.restore()
        report = world.pusher(journal).push()
        assert "now has none of them" in report.notices[0]
        assert (report.pushed, world.stored()) == (3, [1, 2, 3])


def test_two_copies_of_a_card_go_on_side_by_side(world, tmp_path):
    with open_journal(tmp_path / "a") as one:
        commit(one, 1, 2)
        world.pusher(one).push()
        origin = one.origin
        with copied(one, tmp_path / "b") as two:
            commit(one, 11)
            (first, _) = commit(two, 21, 22)
            world.pusher(one).push()
            report = world.pusher(two).push()
            assert report.pushed == 2
            assert "Another copy of this journal has pushed" in report.notices[0]
            assert f"new origin, {two.origin}" in report.notices[0]
            assert two.origin != origin == one.origin == first.origin
            assert [entry.number for entry in two.log(limit=2)] == [2, 1]
            commit(one, 12)
            commit(two, 23)
            assert world.pusher(one).push().notices == world.pusher(two).push().notices == ()
            assert world.stored() == [1, 2, 11, 12, 21, 22, 23]
            assert two.check() == []


def test_a_restored_journal_knows_again_what_it_pushed_before(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as restored:
            world.pusher(journal).push()
            commit(journal, 4)
            world.pusher(journal).push()
            report = world.pusher(restored).push()
            assert report.pushed == 3
            assert "and they are the same" in report.notices[0]
            assert restored.status().unpushed == 0
            commit(restored, 5)
            report = world.pusher(restored).push()
            assert "other commits than this journal from number 4 on" in report.notices[0]
            assert world.stored() == [1, 2, 3, 4, 5]


def test_the_same_backup_put_back_twice_arrives_at_the_same_origin(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1)
        world.pusher(journal).push()
        with copied(journal, tmp_path / "b") as backup:
            commit(journal, 2)
            world.pusher(journal).push()
            commit(backup, 3, 4)
            digest = backup.digests(2, 2)[0].digest
            with copied(backup, tmp_path / "c") as again:
                origin = journal.origin
                world.pusher(backup).push()
                assert backup.origin == derive_origin(origin, digest)
                world.pusher(again).push()
                assert again.origin == backup.origin
    assert world.stored() == [1, 2, 3, 4]


def test_what_was_set_aside_here_and_stored_by_a_copy_is_not_pushed_again_when_it_is_restored(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as two:
            two.set_rejected({2: "the server said no"})
            world.pusher(journal).push()
            world.pusher(two).push()
            assert two.restore_rejected() == 0
            commit(two, 4)
            world.pusher(two).push()
    assert world.stored() == [1, 2, 3, 4]


def test_a_server_that_contradicts_itself_ends_the_push(world, tmp_path):
    with open_journal(tmp_path / "a") as one, copied(one, tmp_path / "b") as two:
        commit(one, 1)
        commit(two, 2)
        world.pusher(one).push()
        real = world.request

        def request(method, path, **options):
            answer = real(method, path, **options)
            if "digests" in path:
                return Answer(
                    answer.url,
                    200,
                    answer.headers,
                    json.dumps({**json.loads(answer.body), "digests": [], "next": 0}).encode(),
                )
            return answer

        world.request = request
        with pytest.raises(PushException, match="contradict") as caught:
            world.pusher(two).push()
        assert caught.value.retained_data
        world.request = real
        assert world.pusher(two).push().pushed == 1
    assert world.stored() == [1, 2]


def test_what_was_set_aside_in_a_copy_and_what_is_behind_it_is_stored_once(world, tmp_path):
    with open_journal(tmp_path / "a") as journal:
        commit(journal, 1, 2, 3)
        with copied(journal, tmp_path / "b") as restored:
            journal.set_rejected({1: "the server said no"})
            world.pusher(journal).push()
            report = world.pusher(restored).push()
            assert report.pushed == 3
            assert "It lacks 1 of them: these get new numbers" in report.notices[0]
            assert world.stored() == [1, 2, 3]
            assert restored.origin == journal.origin
            # What was set aside is known again where it comes back.
            assert journal.restore_rejected() == 1
            world.pusher(journal).push()
            assert world.stored() == [1, 2, 3]
            commit(restored, 4)
            assert world.pusher(restored).push().notices == ()
            assert world.stored() == [1, 2, 3, 4]
            assert restored.check() == []


def test_a_server_set_back_behind_a_fork_gets_again_what_came_before_the_fork(world, tmp_path):
    world.back_up()
    with open_journal(tmp_path / "a") as journal:
        origin = journal.origin
        commit(journal, 1)
        with copied(journal, tmp_path / "b") as restored:
            commit(journal, 2)
            world.pusher(journal).push()
            commit(restored, 3)
            world.pusher(restored).push()
            assert restored.origin != origin
            commit(restored, 4)
            assert world.stored() == [1, 2, 3]
            world.restore()
            report = world.pusher(restored).push()
            assert "of this journal's origin" in report.notices[0]
            assert "now has none of them" in report.notices[0]
            assert (restored.origin, world.stored()) == (origin, [1, 3, 4])
            # The copy goes on as well, and has what the server lacks of its own.
            commit(journal, 5)
            world.pusher(journal).push()
            assert world.stored() == [1, 2, 3, 4, 5]
            assert restored.check() == journal.check() == []


def test_a_server_set_back_to_behind_the_fork_gets_only_what_it_lacks(world, tmp_path):
    with open_journal(tmp_path / "a") as journal, copied(journal, tmp_path / "b") as two:
        commit(journal, 1)
        world.pusher(journal).push()
        commit(two, 2)
        world.back_up()
        world.pusher(two).push()
        commit(two, 3)
        world.restore()
        origin = two.origin
        report = world.pusher(two).push()
        assert "now has none of them" in report.notices[0]
        assert (two.origin, world.stored()) == (origin, [1, 2, 3])


def test_answers_of_two_incarnations_of_the_server_are_not_compared(world, tmp_path):
    """The server is restored between the answer with its mark and the one with its digests."""
    world.back_up()
    with open_journal(tmp_path / "a") as one:
        commit(one, 1)
        with copied(one, tmp_path / "b") as two:
            world.pusher(one).push()
            commit(two, 2)
            real, asked = world.request, []

            def request(method, path, **options):
                if "digests" in path and not asked:
                    asked.append(path)
                    world.restore()
                return real(method, path, **options)

            world.request = request
            assert world.pusher(two).push().notices == ()
            assert asked
            commit(one, 3)
            world.pusher(one).push()
            assert world.stored() == [1, 2, 3]
            assert one.check() == two.check() == []


def test_a_copy_that_ends_within_a_gap_goes_on_under_an_origin_of_its_own(world, tmp_path):
    with open_journal(tmp_path / "a") as one, copied(one, tmp_path / "b") as two:
        commit(one, 1, 2, 3, 4, 5, 6, 7)
        one.reset_unpushed()
        commit(one, 8)
        world.pusher(one).push()
        commit(two, 9)
        assert len(world.pusher(two).push().notices) == 1
        assert two.origin != one.origin
        assert world.stored() == [8, 9]
