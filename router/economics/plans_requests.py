"""Chapters on one request and what it repeats: its cost, prompt caching, and work that may wait."""

from decimal import Decimal

from pydantic import Field

from router.economics.caching import CachedPrompt, best_ttl, break_even_reads, cache_saving
from router.economics.inputs import DAYS_PER_YEAR, Amount, Count, Inputs
from router.economics.media import Image, Speech, video_tokens
from router.economics.meters import Quote
from router.economics.plan import Chart, Figure, Plan, Table, money, share
from router.economics.priced import Model, source_note
from router.economics.requests import Request, failed_prefill_usd, request_cost
from router.economics.waiting import Waiting, waiting_saving
from router.errors import InputError

_HOURS = Decimal(24)


class RequestScenario(Inputs):
    """What one message of a user costs, and a day and a year of them."""

    model: Model
    request: Request
    images: tuple[Image, ...] = Field(default=(), max_length=1000)
    video_seconds: Amount = Decimal(0)
    speech: Speech = Speech()
    requests_per_day: Count = 0
    batch: bool = False


def plan_request(scenario: RequestScenario) -> Plan:
    quote = scenario.model.quote()
    request = _with_media(scenario)
    cost = request_cost(quote, request, scenario.model.moment, scenario.batch)
    day = cost.usd * scenario.requests_per_day
    figures = (
        Figure("expected cost", cost.usd, "USD", "all rounds, expected thinking, expected retries"),
        Figure("cost at worst", cost.worst_usd, "USD", "the whole thinking budget, every retry used"),
        Figure("input tokens", cost.input_tokens, "tokens", "over all rounds"),
        Figure("output tokens", cost.output_tokens, "tokens", "visible × (1 + R) over all rounds"),
        Figure("paid attempts", cost.paid_attempts, "", "1 + f + f² … up to the retry limit"),
        Figure(
            "a prompt that fails", failed_prefill_usd(quote, request.call.input_tokens).usd, "USD", "its whole input"
        ),
        Figure("a day", day, "USD", f"{scenario.requests_per_day:,} requests"),
        Figure("a year", day * DAYS_PER_YEAR, "USD"),
        *_without_compaction(quote, request, scenario),
    )
    parts = tuple(sorted(cost.parts.items(), key=lambda one: -one[1]))
    table = Table("By meter, before retries", ("meter", "USD"), parts)
    chart = Chart("Cost by meter", "bars", _names(parts), (("USD", _values(parts)),), "USD")
    return Plan(
        chapter="request",
        title="The cost of a request",
        answer=f"A request costs {money(cost.usd)} on {quote.name}, at worst {money(cost.worst_usd)}.",
        figures=figures,
        tables=(table,),
        charts=(chart,) if parts else (),
        notes=(source_note(quote),),
    )


def _without_compaction(quote: Quote, request: Request, scenario: RequestScenario) -> tuple[Figure, ...]:
    """The same rounds with the whole history resent, where the scenario compacts it."""
    if request.rounds.compact_above_tokens is None:
        return ()
    rounds = request.rounds.model_copy(update={"compact_above_tokens": None})
    whole = request.model_copy(update={"rounds": rounds})
    cost = request_cost(quote, whole, scenario.model.moment, scenario.batch)
    return (Figure("without compaction", cost.usd, "USD", "the whole history resent in every round"),)


def _with_media(scenario: RequestScenario) -> Request:
    heard, spoken = scenario.speech.audio_tokens()
    seen = sum(one.tokens() for one in scenario.images) + video_tokens(scenario.video_seconds)
    call = scenario.request.call
    changed = {
        "input_tokens": call.input_tokens + seen,
        "audio_input_tokens": call.audio_input_tokens + heard,
        "audio_output_tokens": call.audio_output_tokens + spoken,
    }
    return scenario.request.model_copy(update={"call": call.model_copy(update=changed)})


class CachingScenario(Inputs):
    """Whether caching a prompt's prefix pays, and under which TTL."""

    model: Model
    prompt: CachedPrompt


def plan_caching(scenario: CachingScenario) -> Plan:
    quote, prompt = scenario.model.quote(), scenario.prompt
    saving = cache_saving(quote, prompt)
    held = prompt.stored_hours_per_day if quote.meters.usd_per_million_cached_tokens_hour else Decimal(0)
    even = break_even_reads(quote, prompt.ttl, held)
    figures = (
        Figure("without caching", saving.usd_per_day_without, "USD a day"),
        Figure("with caching", saving.usd_per_day_with, "USD a day"),
        Figure("saved", saving.saved_usd_per_day, "USD a day"),
        Figure("saved in a year", saving.saved_usd_per_year, "USD"),
        Figure("saved share", saving.saved_share, "share", "of the whole bill, outputs included"),
        Figure("writes", saving.writes_per_day, "a day"),
        Figure("reads", saving.reads_per_day, "a day"),
        Figure("storage", saving.storage_usd_per_day, "USD a day"),
        Figure("break-even", even, "reads per write", "(write + storage − input) ÷ (input − read)"),
    )
    tables, best = _ttls(quote, prompt)
    verb = "saves" if saving.saved_usd_per_day >= 0 else "costs"
    answer = (
        f"Caching {prompt.prefix_tokens:,} tokens {verb} {money(abs(saving.saved_usd_per_day))} a day "
        f"({share(saving.saved_share)}), {money(abs(saving.saved_usd_per_year))} a year; it pays from "
        f"{even:.2f} reads per write.{best}"
    )
    return Plan("caching", "Prompt caching", answer, figures, tables, (_cache_chart(saving),), (source_note(quote),))


def _ttls(quote: Quote, prompt: CachedPrompt) -> tuple[tuple[Table, ...], str]:
    """The two TTLs side by side, where the provider sells both."""
    if quote.meters.usd_per_million_cache_write_1h_tokens is None:
        return (), ""
    choice = best_ttl(quote, prompt.prefix_tokens, Decimal(prompt.calls_per_day) / _HOURS, prompt.arrivals)
    rows = tuple((ttl, usd) for ttl, usd in choice.usd_per_hour.items())
    note = "Every use renews a cache; arrivals as the scenario has them."
    table = Table("The prefix alone, by TTL", ("TTL", "USD per hour"), rows, note)
    return (table,), f" The cheaper TTL at this traffic is {choice.best}."


def _cache_chart(saving: object) -> Chart:
    named = ("usd_per_day_without", "usd_per_day_with")
    values = tuple(float(getattr(saving, name)) for name in named)
    return Chart("A day with and without the cache", "bars", ("without", "with"), (("USD", values),), "USD a day")


class WaitingScenario(Inputs):
    """What is saved when part of the work may wait, on top of caching."""

    waiting: Waiting
    model: Model | None = None


def plan_waiting(scenario: WaitingScenario) -> Plan:
    waiting = scenario.waiting
    notes: tuple[str, ...] = ()
    if scenario.model is not None:
        quote = scenario.model.quote()
        if quote.batch_discount is None:
            raise InputError(
                "model", quote.name, "no batch price is known for it", "Leave it out, and give the discount."
            )
        waiting = waiting.model_copy(update={"batch_discount": quote.batch_discount})
        notes = (source_note(quote), f"batch discount {share(quote.batch_discount)}")
    saving = waiting_saving(waiting)
    rows = tuple(saving.saved_by.items())
    figures = (
        Figure("list price", saving.usd_per_day, "USD a day"),
        Figure("after caching", saving.usd_per_day_cached, "USD a day"),
        Figure("after waiting", saving.usd_per_day_waiting, "USD a day"),
        Figure("saved share", saving.saved_share, "share"),
        Figure("saved in a year", saving.saved_usd_per_year, "USD"),
    )
    answer = (
        f"Waiting and caching together save {share(saving.saved_share)}: {money(saving.saved_usd_per_year)} a year."
    )
    table = Table("Saved by waiting", ("way", "USD a day"), rows)
    chart = Chart("Saved a day", "bars", _names(rows), (("USD", _values(rows)),), "USD a day")
    return Plan("waiting", "Batch, flex and off-peak", answer, figures, (table,), (chart,), notes)


def _names(rows: tuple[tuple[str, Decimal], ...]) -> tuple[str, ...]:
    return tuple(name for name, _ in rows)


def _values(rows: tuple[tuple[str, Decimal], ...]) -> tuple[float, ...]:
    return tuple(float(value) for _, value in rows)
