"""Chapters on reasoning: what effort costs, what thinking multiplies, what routing by difficulty is worth."""

from eval.worked.prices import EVERY, GPT5, O3, OPUS, PRO, SONNET
from eval.worked.row import D, Figure, ends, offer, usd
from router.economics.mix import Leg, Mix, mix_saving
from router.economics.requests import Thinking

R1 = "deepseek/deepseek-r1"


def figures() -> dict[str, Figure]:
    return {**_effort_table(), **_examples(), **_science(), **_routed(), **_deep(), **_by_class()}


def _effort_table() -> dict[str, Figure]:
    o3, opus = offer(O3), offer(OPUS)
    low, high = usd(o3, 1000, 500, 500), usd(o3, 1000, 500, 8000)
    r1 = usd(offer(R1, "hosted prices at a glance"), 1000, 500, 4000)
    return {
        "8.01": low,
        "8.02": usd(o3, 1000, 500, 2000),
        "8.03": high,
        "8.04": usd(opus, 1000, 500, 2000),
        "8.05": usd(opus, 1000, 500, 12_000),
        "8.06": r1,
        "8.07": usd(offer(PRO), 1000, 500, 3000),
        "8.08": high / r1,
        "8.09": 100 * D("0.50"),
        "13.01": high / low,
    }


def _examples() -> dict[str, Figure]:
    plain, thinking = usd(offer(SONNET), 500, 800), usd(offer(O3), 500, 800, 4500)
    opus = offer(OPUS)
    budget, without = usd(opus, 2000, 1500, 8000), usd(opus, 2000, 1500)
    return {
        "18.01": plain,
        "18.02": thinking,
        "18.03": thinking / plain,
        "18.04": plain * 10**6,
        "18.05": thinking * 10**6,
        "18.06": usd(opus, 0, 0, 8000),
        "18.07": usd(opus, 0, 1500),
        "18.08": budget,
        "18.09": without,
        "18.10": budget / without,
    }


def _science() -> dict[str, Figure]:
    high, r1, pro = (usd(offer(model), 800, 500, n) for model, n in ((O3, 12_000), (R1, 4000), (PRO, 5000)))
    return {
        "18.12": high,
        "18.13": usd(offer(O3), 800, 500, 3500),
        "18.14": usd(offer(O3), 800, 500, 800),
        "18.15": r1,
        "18.16": usd(offer(OPUS), 800, 500, 9000),
        "18.17": pro,
        "18.18": ends(high / pro, high / r1),
        "18.19": _amplified("10"),
        "18.20": _amplified("30"),
    }


def _amplified(ratio: str) -> D:
    """Billed output over visible output at a ratio R of thinking to visible tokens."""
    return (100 + Thinking(per_visible_token=D(ratio)).expected_tokens(100)) / 100


def _routed() -> dict[str, Figure]:
    legs = (("easy", "0.70", "0.005"), ("medium", "0.25", "0.03"), ("hard", "0.05", "0.50"))
    mix = Mix(
        legs=tuple(Leg(name=name, share=D(share), usd_per_call=D(cost)) for name, share, cost in legs),
        baseline_usd_per_call=D("0.50"),
    )
    blended = mix_saving(mix).usd_per_call
    return {"8.10": 100 * mix_saving(mix).saved_share, "18.21": blended, "18.22": mix.baseline_usd_per_call / blended}


def _deep() -> dict[str, Figure]:
    o3, opus = usd(offer(O3, EVERY), 0, 150, 4500), usd(offer(OPUS, EVERY), 0, 2000, 30_000)
    chat, session = usd(offer(GPT5, EVERY), 0, 300), usd(offer(OPUS, EVERY), 0, 3000)
    return {
        "33.01": D(150 + 4500),
        "33.02": o3,
        "33.03": chat,
        "33.04": o3 / chat,
        "33.05": opus,
        "33.06": session,
        "33.07": opus / session,
        "33.08": _amplification(500, 2000),
        "33.09": _amplification(2000, 8000),
        "33.10": _amplification(8000, 40_000),
    }


def _amplification(low: int, high: int, visible: int = 250) -> Figure:
    return ends(D(visible + low) / visible, D(visible + high) / visible)


def _by_class() -> dict[str, Figure]:
    chat, high = D("0.001"), D("0.10")
    medium = high * usd(offer(O3), 1000, 500, 2000) / usd(offer(O3), 1000, 500, 8000)
    thinking = {"41.03": (500, 1500), "41.04": (2000, 6000), "41.05": (8000, 20_000), "41.06": (15_000, 40_000)}
    thinking["41.07"] = (20_000, 50_000)
    found: dict[str, Figure] = {
        key: ends(usd(offer(O3, EVERY), 0, 0, low), usd(offer(O3, EVERY), 0, 0, most))
        for key, (low, most) in thinking.items()
    }
    return found | {
        "41.01": ends(_two(chat, medium), _two(chat, high)),
        "41.02": (D("0.015") - D("0.8") * chat) / D("0.2"),
    }


def _two(easy: D, hard: D) -> D:
    return D("0.8") * easy + D("0.2") * hard
