from __future__ import annotations

import re

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import People, Sessions, TwoFactor
from nikdev_iot.server.accounts.twofactor import hash_backup_code, matching_step, new_backup_code
from nikdev_iot.server.errors import Conflict, Invalid, TooMany, Unauthorized
from nikdev_iot.server.storage.people import Person
from nikdev_iot.server.storage.sqlite import SqliteStorage

PEER = "192.0.2.7"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_at(clock: Clock, *, steps: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(clock.us // 1_000_000, counter_offset=steps)


def switch_on(two_factor: TwoFactor, person: Person, clock: Clock, **special: str | bytes) -> list[str]:
    options = {"secret": SECRET, "code": code_at(clock), "password": "correct horse", "peer": PEER, "keep": b""}
    return two_factor.switch_on(person.id, **{**options, **special})  # type: ignore[arg-type]


def use(two_factor: TwoFactor, storage: SqliteStorage, people: People, person: Person, code: str) -> bool:
    with storage.write() as write:
        return two_factor.use(write, people.get(person.id), code)


# -- pure ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**33), st.integers(-1, 1))
def test_a_code_is_of_its_step_or_a_neighbour(now_s: int, steps: int) -> None:
    made_s = max(0, now_s + 30 * steps)
    assert matching_step(SECRET, pyotp.TOTP(SECRET).at(made_s), now_us=now_s * 1_000_000) == made_s // 30


def test_the_codes_of_rfc_6238() -> None:
    secret = pyotp.random_base32()
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        rfc = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        assert matching_step(rfc, code, now_us=seconds * 1_000_000) == seconds // 30
        assert matching_step(rfc, code, now_us=(seconds + 61) * 1_000_000) is None
        assert matching_step(secret, "", now_us=seconds * 1_000_000) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "٣٤٥٦٧٨", "abcdef", "\ud800"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert matching_step(SECRET, code.encode(errors="replace").decode(), now_us=0) is None


def test_backup_codes_differ_and_are_known_however_they_are_typed() -> None:
    codes = [new_backup_code() for _ in range(200)]
    assert len(set(codes)) == 200
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){2}[a-hjkmnp-z2-9]{4}", code) for code in codes)
    for code in codes[:5]:
        for typed in (code.upper(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
            assert hash_backup_code(typed) == hash_backup_code(code)


# -- on and off ---------------------------------------------------------------------------------------------


def test_a_proposal_is_what_an_app_reads(two_factor: TwoFactor, person: Person) -> None:
    proposal = two_factor.propose(person, server="iot.example.org")
    parsed = pyotp.parse_uri(proposal.uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.name, parsed.issuer) == (
        proposal.secret,
        "ada@example.org",
        "NikDev IoT iot.example.org",
    )
    assert two_factor.propose(person, server="iot.example.org", secret=proposal.secret) == proposal
    assert two_factor.propose(person, server="").secret != proposal.secret
    for secret in ("", "A" * 31, "a" * 32, "A" * 33, "0" * 32):
        with pytest.raises(Invalid, match="not a secret of ours"):
            two_factor.propose(person, server="", secret=secret)


def test_it_is_on_only_with_the_code_and_the_password(
    two_factor: TwoFactor, person: Person, people: People, sessions: Sessions, storage: SqliteStorage, clock: Clock
) -> None:
    here, there = (sessions.sign_in(email=person.email, password="correct horse", peer=PEER) for _ in range(2))
    with pytest.raises(Invalid, match="code is wrong"):
        switch_on(two_factor, person, clock, code="000000")
    with pytest.raises(Unauthorized, match="password"):
        switch_on(two_factor, person, clock, password="wrong horse")
    assert people.get(person.id) == person
    assert sessions.session(there.token)
    codes = switch_on(two_factor, person, clock, keep=here.session.token_hash)
    assert len(set(codes)) == 10
    assert people.get(person.id).totp_secret == SECRET
    assert storage.count_backup_codes(person.id) == 10
    assert sessions.session(here.token)
    with pytest.raises(Unauthorized):
        sessions.session(there.token)
    with pytest.raises(Conflict, match="on already"):
        switch_on(two_factor, person, clock, secret=SECRET)
    two_factor.switch_off(person.id, password="correct horse", peer=PEER, keep=b"")
    assert people.get(person.id) == person
    assert storage.count_backup_codes(person.id) == 0
    with pytest.raises(Unauthorized):
        sessions.session(here.token)


def test_switching_it_off_needs_the_password(
    two_factor: TwoFactor, person: Person, people: People, clock: Clock
) -> None:
    switch_on(two_factor, person, clock)
    for _ in range(5):
        with pytest.raises(Unauthorized):
            two_factor.switch_off(person.id, password="guess", peer=PEER, keep=b"")
    with pytest.raises(TooMany):
        two_factor.switch_off(person.id, password="correct horse", peer=PEER, keep=b"")
    assert people.get(person.id).totp_secret


def test_a_code_is_used_once_and_no_older_one_after_it(
    two_factor: TwoFactor, person: Person, people: People, storage: SqliteStorage, clock: Clock
) -> None:
    switch_on(two_factor, person, clock)
    assert not use(two_factor, storage, people, person, code_at(clock))  # it switched it on
    assert use(two_factor, storage, people, person, code_at(clock, steps=1))
    for steps in (1, 0, -1):
        assert not use(two_factor, storage, people, person, code_at(clock, steps=steps))
    clock.wait(60)
    code = code_at(clock)
    assert use(two_factor, storage, people, person, f" {code[:3]} {code[3:]} ")


def test_a_backup_code_is_used_once_and_new_ones_replace_them(
    two_factor: TwoFactor, person: Person, people: People, storage: SqliteStorage, clock: Clock
) -> None:
    codes = switch_on(two_factor, person, clock)
    assert use(two_factor, storage, people, person, codes[3].upper())
    assert not use(two_factor, storage, people, person, codes[3])
    with pytest.raises(Unauthorized):
        two_factor.renew_codes(person.id, password="wrong horse", peer=PEER)
    new = two_factor.renew_codes(person.id, password="correct horse", peer=PEER)
    assert not use(two_factor, storage, people, person, codes[4])
    assert use(two_factor, storage, people, person, new[4])
    two_factor.switch_off(person.id, password="correct horse", peer=PEER, keep=b"")
    with pytest.raises(Conflict, match="is off"):
        two_factor.renew_codes(person.id, password="correct horse", peer=PEER)
    assert not use(two_factor, storage, people, person, new[5])
