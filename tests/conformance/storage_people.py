"""The port's contract: accounts, people, sessions, invitations, settings."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from tests.conformance.made import (
    hash_of,
    made_account,
    made_invitation,
    made_membership,
    made_person,
    made_session,
)

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.people import Role, Standing
from nikdev_iot.server.storage.port import Storage


class PeopleContract:
    # -- accounts -----------------------------------------------------------------------------------------

    def test_accounts_are_listed_the_oldest_first(self, storage: Storage) -> None:
        one, two = made_account(created_us=20), made_account(created_us=10)
        assert storage.count_accounts() == 0
        with storage.write() as write:
            write.add_account(one)
            write.add_account(two)
        assert storage.account(one.id) == one
        assert storage.account(uuid.uuid4()) is None
        assert storage.accounts() == [two, one]
        assert storage.count_accounts() == 2

    def test_accounts_of_one_time_are_ordered_by_id(self, storage: Storage) -> None:
        twins = sorted((made_account(created_us=20) for _ in range(5)), key=lambda account: account.id)
        with storage.write() as write:
            for account in twins[::-1]:
                write.add_account(account)
        assert storage.accounts() == twins

    def test_an_account_gets_another_name(self, storage: Storage) -> None:
        account, other = made_account(), made_account()
        with storage.write() as write:
            write.add_account(account)
            write.add_account(other)
            write.rename_account(account.id, "the house")
            write.rename_account(uuid.uuid4(), "nobody's")
        assert storage.accounts() == [replace(account, name="the house"), other]

    def test_a_conflict_may_be_caught_inside(self, storage: Storage) -> None:
        one, two = made_account(), made_account()
        with storage.write() as write:
            write.add_account(one)
            with pytest.raises(Conflict):
                write.add_account(one)
            write.add_account(two)
        assert storage.count_accounts() == 2

    # -- people -------------------------------------------------------------------------------------------

    def test_people_are_found_by_id_and_email(self, storage: Storage) -> None:
        one = made_person(created_us=20, is_operator=True, totp_secret="SECRET", totp_step=9)
        two = made_person(created_us=10)
        with storage.write() as write:
            write.add_person(one)
            write.add_person(two)
        assert storage.person(one.id) == one
        assert storage.person_by_email(two.email) == two
        assert storage.person(uuid.uuid4()) is None
        assert storage.person_by_email("nobody@example.org") is None
        assert storage.people() == [two, one]

    def test_an_email_has_one_person_whatever_its_case(self, storage: Storage) -> None:
        person = made_person(email="Ärzte@Example.org")
        with storage.write() as write:
            write.add_person(person)
        assert storage.person_by_email("äRZTE@EXAMPLE.ORG") == replace(person, email="ärzte@example.org")
        with pytest.raises(Conflict, match=r"ärzte@example\.org"), storage.write() as write:
            write.add_person(made_person(email="ÄRZTE@example.org"))
        assert len(storage.people()) == 1

    def test_what_is_nobodys_changes_nothing(self, storage: Storage) -> None:
        person, nobody = made_person(), uuid.uuid4()
        with storage.write() as write:
            write.add_person(person)
            write.set_password(nobody, "$new")
            write.renew_password_hash(nobody, "$new")
            write.set_second_factor(nobody, "SECRET")
            assert not write.use_totp_step(nobody, 5)
            assert not write.use_backup_code(nobody, hash_of("code"))
            write.remove_membership(nobody, nobody)
            write.forget_person(nobody)
        assert storage.people() == [person]

    def test_a_new_password_ends_all_sessions_of_the_person_but_one(self, storage: Storage) -> None:
        person, other = made_person(), made_person()
        sessions = [made_session(person), made_session(person), made_session(other)]
        with storage.write() as write:
            write.add_person(person)
            write.add_person(other)
            for session in sessions:
                write.add_session(session)
        with storage.write() as write:
            write.renew_password_hash(person.id, "$renewed")
        assert storage.person(person.id) == replace(person, password_hash="$renewed")
        assert all(storage.session(session.token_hash) for session in sessions)
        with storage.write() as write:
            write.set_password(person.id, "$new", keep=sessions[1].token_hash)
        assert [storage.session(session.token_hash) for session in sessions] == [None, *sessions[1:]]
        with storage.write() as write:
            write.set_password(person.id, "$newer")
        assert storage.person(person.id) == replace(person, password_hash="$newer")
        assert storage.person(other.id) == other
        assert [storage.session(session.token_hash) for session in sessions] == [None, None, sessions[2]]

    # -- the second factor ------------------------------------------------------------------------------------

    def test_a_second_factor_goes_on_and_off(self, storage: Storage) -> None:
        person, other = made_person(), made_person()
        with storage.write() as write:
            write.add_person(person)
            write.add_person(other)
            write.set_second_factor(person.id, "SECRET", step=7, backup_codes=[hash_of(1), hash_of(2)])
            write.set_backup_codes(other.id, [hash_of(1)])
        assert storage.person(person.id) == replace(person, totp_secret="SECRET", totp_step=7)
        assert storage.person(other.id) == other
        assert [storage.count_backup_codes(one.id) for one in (person, other)] == [2, 1]
        with storage.write() as write:
            write.set_second_factor(person.id, None)
        assert storage.person(person.id) == person
        assert [storage.count_backup_codes(one.id) for one in (person, other)] == [0, 1]

    def test_a_step_is_used_once_and_none_before_it(self, storage: Storage) -> None:
        person = made_person()
        with storage.write() as write:
            write.add_person(person)
            write.set_second_factor(person.id, "SECRET", step=7)
            assert [write.use_totp_step(person.id, step) for step in (7, 8, 8, 6, 9)] == [
                False,
                True,
                False,
                False,
                True,
            ]
        found = storage.person(person.id)
        assert found is not None
        assert found.totp_step == 9

    def test_a_backup_code_is_used_once(self, storage: Storage) -> None:
        person, other = made_person(), made_person()
        with storage.write() as write:
            write.set_backup_codes(person.id, [hash_of(1), hash_of(2)])
            assert not write.use_backup_code(other.id, hash_of(1))
            assert write.use_backup_code(person.id, hash_of(1))
        with storage.write() as write:
            assert not write.use_backup_code(person.id, hash_of(1))
        assert storage.count_backup_codes(person.id) == 1
        with storage.write() as write:
            write.set_backup_codes(person.id, [hash_of(3)])
            assert not write.use_backup_code(person.id, hash_of(2))
        assert storage.count_backup_codes(person.id) == 1

    # -- memberships --------------------------------------------------------------------------------------

    def test_people_belong_to_accounts_in_a_role(self, storage: Storage) -> None:
        house, office = made_account(), made_account()
        ada, bob = made_person(), made_person()
        memberships = [
            made_membership(house, ada, created_us=30),
            made_membership(house, bob, role=Role.VIEWER, created_us=10),
            made_membership(office, ada, role=Role.EDITOR, created_us=20),
        ]
        with storage.write() as write:
            for membership in memberships:
                write.put_membership(membership)
        assert storage.members(house.id) == [memberships[1], memberships[0]]
        assert storage.members() == [memberships[1], memberships[2], memberships[0]]
        assert storage.memberships(ada.id) == [memberships[2], memberships[0]]
        assert storage.members(uuid.uuid4()) == storage.memberships(uuid.uuid4()) == []

    def test_another_role_leaves_the_time_of_coming(self, storage: Storage) -> None:
        membership = made_membership(made_account(), made_person())
        with storage.write() as write:
            write.put_membership(membership)
            write.put_membership(replace(membership, role=Role.VIEWER, created_us=99))
        assert storage.members() == [replace(membership, role=Role.VIEWER)]

    def test_who_leaves_an_account_leaves_its_sessions(self, storage: Storage) -> None:
        house, office = made_account(), made_account()
        ada, bob = made_person(), made_person()
        memberships = [made_membership(house, ada), made_membership(office, ada), made_membership(house, bob)]
        sessions = [made_session(ada, house), made_session(ada, office), made_session(bob, house)]
        with storage.write() as write:
            for membership in memberships:
                write.put_membership(membership)
            for session in sessions:
                write.add_session(session)
        with storage.write() as write:
            write.remove_membership(house.id, ada.id)
        assert storage.members() == memberships[1:]
        assert [storage.session(session.token_hash) for session in sessions] == [None, *sessions[1:]]

    def test_a_person_is_forgotten_with_all_there_is(self, storage: Storage) -> None:
        account, ada, bob = made_account(), made_person(), made_person()
        sessions = [made_session(ada, account), made_session(bob, account)]
        with storage.write() as write:
            write.add_account(account)
            for person, session in zip((ada, bob), sessions, strict=True):
                write.add_person(person)
                write.put_membership(made_membership(account, person))
                write.add_session(session)
                write.set_backup_codes(person.id, [hash_of(1)])
        with storage.write() as write:
            write.forget_person(ada.id)
        assert storage.people() == [bob]
        assert [membership.person_id for membership in storage.members()] == [bob.id]
        assert [storage.session(session.token_hash) for session in sessions] == [None, sessions[1]]
        assert [storage.count_backup_codes(person.id) for person in (ada, bob)] == [0, 1]

    # -- sessions -----------------------------------------------------------------------------------------

    def test_sessions_begin_and_end(self, storage: Storage) -> None:
        session = made_session(made_person(), awaits_code=True)
        with storage.write() as write:
            write.add_session(session)
        assert storage.session(session.token_hash) == session
        assert storage.session(hash_of("other")) is None
        for _ in range(2):
            with storage.write() as write:
                write.end_session(session.token_hash)
            assert storage.session(session.token_hash) is None

    def test_a_session_is_added_once(self, storage: Storage) -> None:
        session = made_session(made_person())
        with storage.write() as write:
            write.add_session(session)
        with pytest.raises(Conflict), storage.write() as write:
            write.add_session(replace(session, person_id=uuid.uuid4()))
        assert storage.session(session.token_hash) == session

    def test_expired_sessions_are_there_until_forgotten(self, storage: Storage) -> None:
        person = made_person()
        sessions = [made_session(person, expires_us=at_us) for at_us in (10, 20, 30)]
        with storage.write() as write:
            for session in sessions:
                write.add_session(session)
        assert storage.session(sessions[0].token_hash) == sessions[0]
        with storage.write() as write:
            assert write.forget_sessions(before_us=30) == 2
        assert [storage.session(session.token_hash) for session in sessions] == [None, None, sessions[2]]

    def test_a_persons_sessions_are_listed_and_ended(self, storage: Storage) -> None:
        ada, bob = made_person(), made_person()
        sessions = [made_session(ada, seen_us=at_us) for at_us in (10, 30, 20)]
        foreign = made_session(bob)
        with storage.write() as write:
            for session in (*sessions, foreign):
                write.add_session(session)
        assert storage.sessions(ada.id) == [sessions[1], sessions[2], sessions[0]]
        with storage.write() as write:
            assert write.end_sessions(ada.id, keep=sessions[2].token_hash) == 2
            assert write.end_sessions(ada.id, keep=sessions[2].token_hash) == 0
        assert storage.sessions(ada.id) == [sessions[2]]
        with storage.write() as write:
            assert write.end_sessions(ada.id) == 1
        assert storage.sessions(bob.id) == [foreign]

    def test_a_session_is_seen_and_switched(self, storage: Storage) -> None:
        session, other = made_session(made_person()), uuid.uuid4()
        with storage.write() as write:
            write.add_session(session)
            write.touch_session(session.token_hash, seen_us=50)
            write.touch_session(session.token_hash, seen_us=40)
            write.touch_session(hash_of("none"), seen_us=40)
            write.switch_session(session.token_hash, other)
        assert storage.session(session.token_hash) == replace(session, seen_us=50, account_id=other)

    def test_a_standing_is_all_of_a_session(self, storage: Storage) -> None:
        house, office, person = made_account(), made_account(), made_person(totp_secret="SECRET")
        session = made_session(person, office)
        with storage.write() as write:
            for account in (house, office):
                write.add_account(account)
            write.put_membership(made_membership(house, person))
            write.add_person(person)
            write.add_session(session)
        assert storage.standing(session.token_hash) is None
        with storage.write() as write:
            write.put_membership(made_membership(office, person, role=Role.EDITOR))
        assert storage.standing(session.token_hash) == Standing(
            session=session, person=person, account=office, role=Role.EDITOR, account_count=2
        )
        assert storage.standing(hash_of("none")) is None

    # -- invitations --------------------------------------------------------------------------------------

    def test_invitations_are_of_an_account_or_of_none(self, storage: Storage) -> None:
        account = made_account()
        late, early = made_invitation(account, created_us=20), made_invitation(account, created_us=10, email="")
        own = made_invitation(None, role=Role.OWNER)
        with storage.write() as write:
            for invitation in (late, early, own, made_invitation(made_account())):
                write.add_invitation(invitation)
        assert storage.invitations(account.id) == [early, late]
        assert storage.invitations(None) == [own]
        assert storage.invitation(late.token_hash) == late
        assert storage.invitation(hash_of("none")) is None

    def test_an_invitation_is_taken_once(self, storage: Storage) -> None:
        invitation = made_invitation(made_account())
        with storage.write() as write:
            write.add_invitation(invitation)
        with pytest.raises(Conflict), storage.write() as write:
            write.add_invitation(replace(invitation, id=uuid.uuid4()))
        with storage.write() as write:
            assert write.remove_invitation(invitation.id)
            assert not write.remove_invitation(invitation.id)
        assert storage.invitation(invitation.token_hash) is None

    def test_expired_invitations_are_there_until_forgotten(self, storage: Storage) -> None:
        invitations = [made_invitation(None, expires_us=at_us) for at_us in (10, 20, 30)]
        with storage.write() as write:
            for invitation in invitations:
                write.add_invitation(invitation)
        assert storage.invitations(None) == invitations
        with storage.write() as write:
            assert write.forget_invitations(before_us=30) == 2
        assert storage.invitations(None) == invitations[2:]

    # -- settings -----------------------------------------------------------------------------------------

    def test_settings_are_what_was_put_last(self, storage: Storage) -> None:
        assert storage.setting("registration") is None
        for value in ("open", "closed", None):
            with storage.write() as write:
                write.put_setting("registration", value)
                write.put_setting("other", "ä")
            assert storage.setting("registration") == value
        assert storage.setting("other") == "ä"
