"""Tokens and what they open."""

import pytest

from router.access.keys import Key, digest_of, new_token, parse_token, read_scopes, token_of
from router.errors import InputError


def key(secret: str, **more) -> Key:
    return Key("0" * 12, "acme", frozenset({"route"}), digest_of(secret), 0.0, **more)


def test_a_token_is_read_back_and_nothing_else_is() -> None:
    key_id, secret = new_token()
    assert parse_token(token_of(key_id, secret)) == (key_id, secret)
    for wrong in ("", "tw_", f"tw_{key_id}", token_of(key_id, secret) + "x", token_of(key_id, secret[:-1]), "tw_é_é"):
        assert parse_token(wrong) is None


def test_only_its_own_secret_matches() -> None:
    (_, mine), (_, other) = new_token(), new_token()
    assert key(mine).matches(mine, 0.0)
    assert not key(mine).matches(other, 0.0)


def test_the_secret_before_a_rotation_matches_until_its_time_is_over() -> None:
    rotated = key("new", old_digest=digest_of("old"), old_until=10.0)
    assert rotated.matches("old", 9.9) and rotated.matches("new", 9.9)
    assert not rotated.matches("old", 10.0)


def test_a_key_ends_when_it_expires_or_is_revoked() -> None:
    assert key("s", expires=10.0).state(9.9) == "valid"
    assert key("s", expires=10.0).state(10.0) == "expired"
    assert key("s", expires=10.0, revoked=1.0).state(0.0) == "revoked"


def test_an_admin_may_read_and_a_reader_is_no_admin() -> None:
    admin = Key("0" * 12, "acme", frozenset({"admin"}), b"", 0.0)
    reader = Key("0" * 12, "acme", frozenset({"read"}), b"", 0.0)
    assert admin.allows("read") and not admin.allows("route")
    assert not reader.allows("admin")


@pytest.mark.parametrize("text", ["", ",", "route,everything", "ROUTE"])
def test_unknown_scopes_are_refused(text) -> None:
    with pytest.raises(InputError, match="scopes"):
        read_scopes(text)
