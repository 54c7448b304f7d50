from __future__ import annotations

import time

import pytest
from argon2 import PasswordHasher

from nikdev_iot.server.accounts import Passwords
from nikdev_iot.server.errors import Invalid


def test_argon2id_by_default() -> None:
    assert Passwords().hash("correct horse").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_right_and_wrong(passwords: Passwords) -> None:
    kept = passwords.hash("correct horse")
    assert "correct" not in kept
    assert passwords.hash("correct horse") != kept
    assert passwords.verify(kept, "correct horse")
    for wrong in ("Correct horse", "correct horse ", "", "x" * 5_000, None, 7, "\ud800" * 8):
        assert not passwords.verify(kept, wrong)
    assert not passwords.verify("$argon2id$no", "correct horse")
    assert not passwords.verify("", "correct horse")


def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not passwords.verify(None, "correct horse")
    assert not passwords.verify(None, "no account has this password")


def test_composed_and_decomposed_characters_are_the_same_password(passwords: Passwords) -> None:
    assert passwords.verify(passwords.hash("pa\u0308ssword"), "pässword")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "0 characters; at least 8"),
        ("1234567", "7 characters; at least 8"),
        ("x" * 1_001, "longest has 1000"),
        ("\ud800" * 8, "not UTF-8"),
        (None, "is a text"),
        (12345678, "is a text"),
    ],
)
def test_passwords_that_are_refused(passwords: Passwords, password: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        passwords.hash(password)


def test_other_parameters_ask_for_a_new_hash(passwords: Passwords) -> None:
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    kept = passwords.hash("correct horse")
    assert not passwords.needs_rehash(kept)
    assert stronger.verify(kept, "correct horse")
    assert stronger.needs_rehash(kept)


def test_an_unknown_email_takes_as_long() -> None:
    slow = Passwords(PasswordHasher(time_cost=2, memory_cost=20_000, parallelism=1))
    kept = slow.hash("correct horse")
    slow.hash_of_nobody()

    def cpu_s(password_hash: str | None, password: str) -> float:
        best = 1e9
        for _ in range(5):
            begun = time.thread_time()
            slow.verify(password_hash, password)
            best = min(best, time.thread_time() - begun)
        return best

    known = cpu_s(kept, "wrong horse")
    assert known / 2 < cpu_s(None, "wrong horse") < known * 2
    assert known / 2 < cpu_s(kept, "x" * 5_000) < known * 2
