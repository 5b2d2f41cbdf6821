"""What keeps failing is left alone, and tried by one caller at a time until it works again."""

from router.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_failures_in_a_row_open_it_and_one_success_closes_it() -> None:
    breaker = Breaker(failures=3, clock=Clock())
    for _ in range(2):
        breaker.failed()
    breaker.worked()
    for _ in range(2):
        breaker.failed()
    assert breaker.allows() and not breaker.is_open
    breaker.failed()
    assert breaker.is_open and not breaker.allows()
    breaker.worked()
    assert breaker.allows() and not breaker.is_open


def test_an_open_one_lets_one_caller_try_per_rest() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, rest_seconds=2.0, clock=clock)
    breaker.failed()
    assert [breaker.allows() for _ in range(3)] == [False] * 3
    clock.now = 2.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    clock.now = 4.0  # the one before never said how it went
    assert breaker.allows()
    breaker.failed()
    clock.now = 5.9
    assert not breaker.allows()
