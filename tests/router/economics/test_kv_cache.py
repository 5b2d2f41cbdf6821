from decimal import Decimal

from router.economics.kv_cache import SHAPES, Memory, fit

LLAMA = SHAPES["llama-3.3-70b"]
NODE = Memory(accelerators=8, gigabytes_each=Decimal(80))


def test_the_published_shape_takes_320_kib_a_token():
    assert LLAMA.kv_bytes_per_token == 2 * 80 * 8 * 128 * 2 == 327_680


def test_what_fits_really_fits_and_one_more_does_not():
    found = fit(LLAMA, NODE, 32_000)
    need = LLAMA.kv_gigabytes(32_000)
    assert found.concurrent_requests * need <= found.free_gigabytes < (found.concurrent_requests + 1) * need


def test_a_shared_prefix_is_held_once():
    apart, shared = fit(LLAMA, NODE, 32_000), fit(LLAMA, NODE, 32_000, shared_prefix_tokens=16_000)
    assert shared.concurrent_requests > 1.9 * apart.concurrent_requests


def test_weights_that_do_not_fit_leave_room_for_nothing():
    small = Memory(accelerators=1, gigabytes_each=Decimal(48))
    assert fit(LLAMA, small, 1000).concurrent_requests == 0
