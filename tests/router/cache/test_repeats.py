"""What came before is known again by its bytes, and by nothing else."""

from router.cache.key import CacheKey, cache_key
from router.cache.repeats import MOST_BYTES, Known, Repeats
from router.privacy.leaver import Leaver
from router.requests import Request


def known(text: str, tenant: str = "default") -> Known:
    request = Request.from_mapping({"prompt": text, "tenant": tenant})
    key = cache_key(request)
    assert isinstance(key, CacheKey)
    return Known(request, key)


def test_the_same_bytes_on_behalf_of_the_same_tenant_are_known() -> None:
    repeats, one = Repeats(), known("a")
    repeats.keep((None, b"a"), one)
    assert repeats.get((None, b"a")) is one
    assert repeats.get(("acme", b"a")) is None and repeats.get((None, b"a ")) is None


def test_the_eldest_leave_and_long_bodies_never_come() -> None:
    repeats = Repeats(most=2)
    for text in ("a", "b", "c"):
        repeats.keep((None, text.encode()), known(text))
    repeats.keep((None, b"x" * (MOST_BYTES + 1)), known("x"))
    assert len(repeats) == 2 and repeats.get((None, b"a")) is None


def test_a_tenant_is_forgotten_alone() -> None:
    repeats = Repeats()
    repeats.keep((None, b"a"), known("a", "acme"))
    repeats.keep(("acme", b"a"), known("a", "acme"))
    repeats.keep((None, b"b"), known("b"))
    repeats.forget(Leaver.of("acme"))
    assert len(repeats) == 1 and repeats.get((None, b"b")) is not None
