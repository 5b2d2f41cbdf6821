"""Chapters on prompt caching: storage, a day with and without, TTLs, hits per write."""

from eval.worked.prices import FLASH, PRO, SONNET
from eval.worked.row import D, Figure, offer, usd
from router.economics.caching import CachedPrompt, CacheSaving, best_ttl, break_even_reads, cache_saving

V3, GPT4O = "deepseek/deepseek-v3", "openai/gpt-4o"
_CALLS = 100_000


def figures() -> dict[str, Figure]:
    return {**_storage(), **_days(), **_years(), **_hits()}


def _storage() -> dict[str, Figure]:
    return {
        "17.32": _held(FLASH, 100_000),
        "17.33": 100 * _prefix_only().saved_share,
        "19.01": _held(PRO, 200_000),
        "19.02": break_even_reads(offer(PRO), held_hours=D(24)),
        "29.10": D(_first_hour_rate()),
    }


def _held(model: str, tokens: int) -> D:
    """USD for holding a prefix for a day."""
    prompt = CachedPrompt(prefix_tokens=tokens, calls_per_day=1, writes_per_day=D(1))
    return cache_saving(offer(model), prompt).storage_usd_per_day


def _prefix_only() -> CacheSaving:
    prompt = CachedPrompt(prefix_tokens=50_000, calls_per_day=10_000, writes_per_day=D(288))
    return cache_saving(offer(SONNET), prompt)


def _first_hour_rate() -> int:
    """The fewest evenly spaced calls an hour at which the 1-hour cache is the cheaper one."""
    rates = (n for n in range(1, 61) if best_ttl(offer(SONNET), 50_000, D(n), "even").best == "1h")
    return next(rates)


def _day(model: str) -> CacheSaving:
    """A model's row of the worked example: 50,000 cached tokens, 500 fresh, 300 out, 100,000 times a day."""
    prompt = CachedPrompt(
        prefix_tokens=50_000,
        fresh_input_tokens=500,
        output_tokens=300,
        calls_per_day=_CALLS,
        writes_per_day=D(1),
    )
    return cache_saving(offer(model), prompt)


def _days() -> dict[str, Figure]:
    sonnet, gpt, gemini, deepseek = (_day(model) for model in (SONNET, GPT4O, PRO, V3))
    return {
        "19.03": sonnet.usd_per_day_without,
        "19.04": gpt.usd_per_day_without,
        "19.05": gemini.usd_per_day_without,
        "19.06": deepseek.usd_per_day_without,
        "19.07": sonnet.usd_per_write_call,
        "19.08": sonnet.usd_per_read_call,
        "19.09": sonnet.usd_per_day_with,
        "19.10": gpt.usd_per_write_call,
        "19.11": gpt.usd_per_read_call,
        "19.12": gpt.usd_per_day_with,
        "19.13": gemini.usd_per_write_call,
        "19.14": gemini.storage_usd_per_day,
        "19.15": gemini.usd_per_read_call,
        "19.16": gemini.usd_per_day_with,
        "19.17": deepseek.usd_per_write_call,
        "19.18": deepseek.usd_per_read_call,
        "19.19": deepseek.usd_per_day_with,
    }


def _years() -> dict[str, Figure]:
    million, thousand = 10**6, 1000
    found: dict[str, Figure] = {}
    with_unit = {SONNET: thousand, GPT4O: million, PRO: thousand, V3: thousand}
    other_unit = {SONNET: million, GPT4O: million, PRO: million, V3: thousand}
    for i, model in enumerate((SONNET, GPT4O, PRO, V3)):
        saving, first = _day(model), 20 + 3 * i
        found |= {
            f"19.{first}": saving.usd_per_day_without * 365 / other_unit[model],
            f"19.{first + 1}": saving.usd_per_day_with * 365 / with_unit[model],
            f"19.{first + 2}": saving.saved_usd_per_year / other_unit[model],
        }
    return found


def _hits() -> dict[str, Figure]:
    short = _thousand_calls("5m", 5)
    long = _thousand_calls("1h", 50)
    plain = usd(offer(SONNET), 50_000, 0) * 1000
    return {
        "34.01": plain,
        "34.02": short.write_usd_per_day,
        "34.03": short.read_usd_per_day,
        "34.04": short.usd_per_day_with,
        "34.05": 100 * short.saved_share,
        "34.06": long.write_usd_per_day,
        "34.07": long.read_usd_per_day,
        "34.08": long.usd_per_day_with,
        "34.09": 100 * long.saved_share,
        "34.10": (plain / short.usd_per_day_with, plain / long.usd_per_day_with),
    }


def _thousand_calls(ttl: str, hits: int) -> CacheSaving:
    given = {"prefix_tokens": 50_000, "calls_per_day": 1000, "ttl": ttl, "reads_per_write": hits}
    return cache_saving(offer(SONNET), CachedPrompt.read(given))
