"""Token buckets, of one process and shared by several."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from router.access.rate_store import Spent, depth, paid
from router.access.rates import LAG_SECONDS, Rates
from router.errors import StoreError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class SharedBuckets:
    """The shared buckets in memory, by the formula that the store uses; `away` while nobody may reach them."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._rows, self.away = clock, {}, False

    def exchange(self, spent: dict[str, Spent]) -> dict[str, float]:
        if self.away:
            raise StoreError("away")
        for name, one in spent.items():
            level, at = self._rows.get(name, (depth(one.rate), self._clock.now))
            self._rows[name] = (paid(level, self._clock.now - at, one), self._clock.now)
        return {name: self._rows[name][0] for name in spent}

    def close(self) -> None: ...


class Together:
    """Processes on one store, each of which pays at most LAG_SECONDS after it let something through."""

    def __init__(self, count: int, rate: float) -> None:
        self.clock, self.rate, self.passed = Clock(), rate, 0
        self.shared = SharedBuckets(self.clock)
        self.processes = [Rates(self.shared, lambda: count, clock=self.clock) for _ in range(count)]
        self._due: dict[int, float] = {}

    def ask(self, place: int) -> None:
        if self.processes[place].wait_seconds("k", self.rate) == 0.0:
            self.passed += 1
            self._due.setdefault(place, self.clock.now + LAG_SECONDS)

    def pay(self, place: int) -> None:
        try:
            self.processes[place].exchange()
            self._due.pop(place, None)
        except StoreError:
            self._due[place] = self.clock.now + LAG_SECONDS

    def wait(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self._due and min(self._due.values()) <= end:
            place = min(self._due, key=lambda one: self._due[one])
            self.clock.now = self._due[place]
            self.pay(place)
        self.clock.now = end

    def do(self, step: tuple[str, float]) -> None:
        what, number = step
        if what == "wait":
            self.wait(number)
        elif what in ("ask", "pay"):
            getattr(self, what)(int(number) % len(self.processes))
        else:
            self.shared.away = what == "away"


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 3)),
    st.tuples(st.just("ask"), st.integers(0, 3)),
    st.tuples(st.just("pay"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 0.3, 1.0, 7.0])),
)
AWAY = st.tuples(st.sampled_from(["away", "back"]), st.just(0))


def test_a_second_of_requests_passes_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    rates = Rates(clock=clock)
    assert [rates.wait_seconds("k", 3.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = rates.wait_seconds("k", 3.0)
    assert 0 < wait <= 1 / 3
    clock.now = wait + 1e-9
    assert rates.wait_seconds("k", 3.0) == 0.0


def test_keys_do_not_share_a_bucket() -> None:
    rates = Rates(clock=Clock())
    assert rates.wait_seconds("a", 1.0) == 0.0
    assert rates.wait_seconds("b", 1.0) == 0.0
    assert rates.wait_seconds("a", 1.0) > 0


@settings(max_examples=40)
@given(st.integers(1, 4), st.floats(0.2, 20), st.lists(STEPS, max_size=60))
def test_no_interleaving_lets_more_through_than_the_stated_bound(count, rate, steps) -> None:
    together = Together(count, rate)
    for step in steps:
        together.do(step)
    burst = depth(rate)
    overshoot = (count - 1) * (burst + 2 * rate * LAG_SECONDS)
    assert together.passed <= rate * together.clock.now + burst + overshoot + 1e-6


@settings(max_examples=30)
@given(st.floats(0.2, 20), st.lists(st.one_of(STEPS, AWAY), max_size=60))
def test_a_store_that_goes_and_comes_back_lets_a_burst_each_through_besides(rate, steps) -> None:
    together, count = Together(3, rate), 3
    for step in steps:
        together.do(step)
    outages = sum(what == "away" for what, _ in steps) + 1
    most = outages * (count * (depth(rate) + 2 * rate * LAG_SECONDS) + depth(rate) + count)
    assert together.passed <= rate * together.clock.now + most


def test_what_all_ask_for_steadily_is_one_rate() -> None:
    together = Together(4, 10.0)
    for turn in range(4_000):
        together.ask(turn % 4)
        together.wait(0.01)
    assert 400 <= together.passed <= 400 + 10 + 4 * 10 * LAG_SECONDS


def test_one_process_alone_gets_the_whole_rate_and_the_others_know_at_their_next_look() -> None:
    together = Together(2, 5.0)
    for _ in range(5):
        together.ask(0)
    assert together.passed == 5
    together.processes[1].wait_seconds("k", 5.0)  # a copy of its own, not paid yet
    together.pay(0)
    together.pay(1)
    wait = together.processes[1].wait_seconds("k", 5.0)
    assert 0.2 <= wait <= 0.4 + 1e-9  # when the shared bucket holds a whole request again


def test_without_the_store_each_goes_by_its_fair_share_and_says_so() -> None:
    together, told = Together(2, 4.0), []
    rates = Rates(together.shared, lambda: 2, lambda: told.append(1), together.clock)
    together.shared.away = True
    rates.wait_seconds("k", 4.0)
    with suppress(StoreError):
        rates.exchange()
    assert rates.apart
    assert [rates.wait_seconds("k", 4.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert len(told) == 3
    together.shared.away = False
    rates.exchange()
    assert not rates.apart and rates.wait_seconds("k", 4.0) == 0.0
