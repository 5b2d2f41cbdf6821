"""Secrets and personal data leave a text by their form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.access.keys import new_token, token_of
from router.privacy.redaction import redact, redact_all

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    "secret, left",
    [
        ("jane.doe+x@example.co.uk", "[email]"),
        ("4111 1111 1111 1111", "[card]"),
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("078-05-1120", "[ssn]"),
        ("+49 (30) 1234 5678", "[phone]"),
        ("192.168.17.4", "[ip]"),
        ("sk-proj-abcdefghijklmnop1234", "[key]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        pytest.param(token_of(*new_token()), "[key]", id="ours"),  # anew each time: no name for a test
        (JWT, "[token]"),
        ("Bearer abcdefgh12345678", "[token]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[key]"),
    ],
)
def test_what_it_knows_is_replaced_and_what_stands_around_is_not(secret, left) -> None:
    assert redact(f"before {secret} after") == f"before {left} after"


def test_passwords_leave_addresses_and_assignments() -> None:
    assert redact("postgresql://app:hunter2@db/tierwise") == "postgresql://[password]@db/tierwise"
    assert "hunter2" not in redact('{"password": "hunter2"}')


@pytest.mark.parametrize(
    "plain",
    ["gpt-4o-mini|none", "1774353600000 ms", "0.000305 USD", "4111 1111 1111 1112", "policy 23bee4829c70", "999.1.1.1"],
)
def test_routes_numbers_and_ids_stay(plain) -> None:
    assert redact(plain) == plain


def test_every_text_in_a_value_is_searched() -> None:
    given_value = {"a@b.co": [{"deep": ("a@b.co", 1, None, True)}]}
    assert redact_all(given_value) == {"[email]": [{"deep": ["[email]", 1, None, True]}]}


def test_nesting_without_end_ends() -> None:
    value: list = []
    for _ in range(5_000):
        value = [value]
    assert redact_all(value) is not None


@given(st.text(max_size=300))
def test_any_text_goes_through(text) -> None:
    assert isinstance(redact(text), str)


@pytest.mark.parametrize(
    "text", ["a" * 10_000, "1-" * 5_000, "a@" * 5_000, "eyJ" * 3_000, "+1 " * 3_000, "://a:" * 2_000]
)
def test_no_text_makes_it_slow(text) -> None:
    """A bound far above what these take (milliseconds); an expression that tries every split would take minutes."""
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 2.0
