"""Chapters on list prices: what one query costs, how far models are apart, and what a discount is a share of."""

from eval.worked.row import D, Figure, ends, offer, usd

SONNET, OPUS, HAIKU = "anthropic/claude-sonnet-4-6", "anthropic/claude-opus-4", "anthropic/claude-haiku-4-5"
FLASH, PRO, GPT5, O3 = "google/gemini-2.5-flash", "google/gemini-2.5-pro", "openai/gpt-5", "openai/o3"
EVERY = "every model, every tier"
_CACHED = (GPT5, "openai/gpt-5-mini", O3, "openai/o3-mini", "openai/o4-preview", "openai/gpt-4o", "openai/gpt-4o-mini")
_QUERIES = (
    GPT5,
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    OPUS,
    SONNET,
    HAIKU,
    PRO,
    FLASH,
    "deepseek/deepseek-v3",
    "together/llama-3.3-70b",
)
_MIXED = (GPT5, "openai/gpt-5-mini", OPUS, SONNET, HAIKU, PRO, FLASH, "deepseek/deepseek-v3.5", "groq/llama-3.3-70b")


def figures() -> dict[str, Figure]:
    return {**_glance(), **_shares(), **_spreads(), **_queries(), **_mixed_million()}


def _glance() -> dict[str, Figure]:
    flash, sonnet, opus = (usd(offer(model), 1500, 300) for model in (FLASH, SONNET, OPUS))
    levers = D("0.5") * D("0.5") * D("0.7") * D("0.4") * D("0.6")
    return {
        "1.01": usd(offer(GPT5), 100_000 * 20 * 1500, 0),
        "1.02": D(5000 + 200) / 200,
        "2.01": ends(price(GPT5) / price(FLASH), D(15) / price(FLASH)),
        "3.01": usd(offer(SONNET), 16_000, 500) / usd(offer(SONNET), 1000, 200),
        "3.02": levers,
        "3.03": 1 / levers,
        "3.04": D(405) / 7,
        "4.01": flash,
        "4.02": sonnet,
        "4.03": opus,
        "4.04": usd(offer(O3), 1500, 300),
        "4.05": opus / flash,
        "4.06": D(5) ** (D(1) / 3),
        "16.01": flash,
    }


def _shares() -> dict[str, Figure]:
    found: dict[str, Figure] = {f"17.{i:02d}": cached_per_cent(model) for i, model in enumerate(_CACHED, 1)}
    found |= {f"17.{i:02d}": cached_per_cent(model) for i, model in enumerate((OPUS, SONNET, HAIKU), 8)}
    peak = {name: offer(f"deepseek/deepseek-{name}") for name in ("v3", "r1")}
    off = {}
    for name, quote in peak.items():
        assert quote.off_peak is not None and quote.off_peak.usd_per_million_input_tokens is not None
        off[name] = 100 * (1 - quote.off_peak.usd_per_million_input_tokens / price(f"deepseek/deepseek-{name}"))
    return found | {
        "17.11": price(O3) / price("deepseek/deepseek-r1"),
        "17.12": usd(offer(PRO), 500_000, 0),
        "17.13": usd(offer(O3), 1000, 500, 20_000),
        "17.14": usd(offer(OPUS), 0, 0, 16_000),
        "17.15": off["v3"],
        "17.16": off["r1"],
        "32.10": cached_per_cent(GPT5, EVERY),
    }


def _spreads() -> dict[str, Figure]:
    bedrock = price("aws/llama-3.3-70b", "worked examples")
    o3, r1 = offer(O3).meters, offer("deepseek/deepseek-r1").meters
    assert o3.usd_per_million_output_tokens and r1.usd_per_million_output_tokens
    return {
        "22.01": 100 * (bedrock / price("together/llama-3.3-70b") - 1),
        "24.01": (D("0.265") / D("0.000203")).log10(),
        "24.02": D("0.50") / D("0.10"),
        "28.01": price(OPUS) / price(FLASH),
        "28.02": price(GPT5) / price(FLASH),
        "29.01": ends(
            price(O3) / price("deepseek/deepseek-r1"),
            o3.usd_per_million_output_tokens / r1.usd_per_million_output_tokens,
        ),
    }


def _queries() -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for i, model in enumerate(_QUERIES):
        cost = usd(offer(model), 1500, 300)
        found |= {f"24.{10 + 2 * i}": cost, f"24.{11 + 2 * i}": cost * 100_000}
    medium, default = usd(offer(O3), 1500, 300, 3500), usd(offer("deepseek/deepseek-r1"), 1500, 300, 4000)
    return found | {"24.40": medium, "24.41": medium * 100_000, "24.42": default, "24.43": default * 100_000}


def _mixed_million() -> dict[str, Figure]:
    """Of many calls, none of them long: so by the meters, not as one call of 700,000 tokens."""
    found: dict[str, Figure] = {}
    for i, model in enumerate(_MIXED, 1):
        meters = offer(model, EVERY).meters
        assert meters.usd_per_million_output_tokens is not None
        found[f"32.{i:02d}"] = D("0.7") * price(model, EVERY) + D("0.3") * meters.usd_per_million_output_tokens
    return found


def price(model: str, table: str = "tear-down") -> D:
    """USD per million input tokens."""
    found = offer(model, table).meters.usd_per_million_input_tokens
    assert found is not None
    return found


def cached_per_cent(model: str, table: str = "tear-down") -> D:
    """A cached token's price as a share of a fresh one's, in per cent."""
    cached = offer(model, table).meters.usd_per_million_cached_input_tokens
    assert cached is not None
    return 100 * cached / price(model, table)
