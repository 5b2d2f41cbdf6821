import pytest

from router.errors import InputError
from router.settings import Settings


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("TIERWISE_CACHE_MAX_WRONG", "2", r"cache_max_wrong: .*\(got '2'\)\. Set TIERWISE_CACHE_MAX_WRONG\."),
        ("TIERWISE_CACHE_TENANTS", "acme", r"cache_tenants: not JSON\. Set TIERWISE_CACHE_TENANTS"),
        ("TIERWISE_CACHE_TENANTS", '{"a": {"max_wrong": 7}}', r"cache_tenants\.a\.max_wrong: .*\(got 7\)"),
    ],
)
def test_a_wrong_key_is_named_with_its_value_and_variable(monkeypatch, key, value, told):
    monkeypatch.setenv(key, value)
    with pytest.raises(InputError, match=told):
        Settings()


def test_what_is_said_wins_and_its_error_names_the_flag(monkeypatch):
    monkeypatch.setenv("TIERWISE_PORT", "1")
    assert Settings(port=2).port == 2
    with pytest.raises(InputError, match=r"port: .*\(got 70000\)\. Set --port or TIERWISE_PORT\."):
        Settings(port=70000)
