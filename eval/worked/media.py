"""Chapters on images, clips, speech, and contexts so long that memory decides."""

from eval.worked.prices import PRO
from eval.worked.row import D, Figure, ends, offer, usd
from router.economics.caching import CachedPrompt, cache_saving
from router.economics.kv_cache import GIGABYTE, SHAPES
from router.economics.media import Image, Speech, video_tokens
from router.economics.meters import Call, Meters, Quote, bill

# the round prices of the multimodal chapter
_ROUND = Quote("any", "round", "multimodal chapter", None, Meters(D(1), D(5)))
_REALTIME = "openai/gpt-4o-realtime"


def figures() -> dict[str, Figure]:
    return {**_multimodal(), **_speech(), **_memory(), **_long_documents(), **_derated()}


def _multimodal() -> dict[str, Figure]:
    pictured, plain = usd(_ROUND, 1030, 200), usd(_ROUND, 30, 200)
    largest = Image(width_pixels=1568, height_pixels=1568, rule="anthropic-area").tokens()
    tiles, area = (
        Image.read({"width_pixels": 1024, "height_pixels": 1024, "rule": rule}).tokens()
        for rule in ("openai-tiles", "anthropic-area")
    )
    return {
        "9.01": usd(_ROUND, 200, 500),
        "9.02": pictured,
        "9.03": pictured / plain,
        "9.04": usd(_ROUND, 5030, 500),
        "9.05": D("0.006") + D("0.003"),
        "9.07": ends(tiles, area),
        "9.08": D(video_tokens(D(300))),
        "17.30": D(largest),
        "17.31": D(largest) / 1568**2,
    }


def spoken(heard_seconds: int, spoken_seconds: int) -> D:
    """USD of an exchange by the audio meters."""
    heard, said = Speech(heard_seconds=D(heard_seconds), spoken_seconds=D(spoken_seconds)).audio_tokens()
    return bill(offer(_REALTIME), Call(audio_input_tokens=heard, audio_output_tokens=said)).usd


def _speech() -> dict[str, Figure]:
    half = D("0.5")
    day = D("0.30") * 24 * 60
    return {
        "9.06": ends(spoken(60, 0), spoken(30, 30)),
        "29.21": ends(half * D("0.06") + half * D("0.24"), half * D("0.15") + half * D("0.40")),
        "29.22": day,
        "29.23": day * 365 / 1000,
        "29.24": spoken(60, 0),
        "29.25": spoken(0, 60),
    }


def _memory() -> dict[str, Figure]:
    grouped = SHAPES["llama-3.3-70b"]
    whole = grouped.model_copy(update={"kv_heads": grouped.attention_heads})
    at_128k = whole.kv_gigabytes(128_000)
    return {
        "38.01": whole.kv_bytes_per_token / 10**6,
        "38.02": at_128k,
        "38.03": whole.kv_gigabytes(1_000_000) / 1000,
        "38.04": 100 * at_128k / 1000,
        "38.05": whole.kv_bytes_per_token / grouped.kv_bytes_per_token,
        "38.06": grouped.kv_bytes_per_token * 128_000 / GIGABYTE,
        "38.07": at_128k,
    }


def _long_documents() -> dict[str, Figure]:
    pro = offer(PRO)
    plain = usd(pro, 500_000, 5000)
    prompt = CachedPrompt(
        prefix_tokens=500_000,
        output_tokens=5000,
        calls_per_day=10,
        writes_per_day=D(1),
        stored_hours_per_day=D(1),
    )
    saving = cache_saving(pro, prompt)
    return {
        "38.08": usd(pro, 500_000, 0),
        "38.09": plain - usd(pro, 500_000, 0),
        "38.10": plain,
        "38.11": bill(pro, Call(input_tokens=500_000, cached_input_tokens=500_000, output_tokens=5000)).usd,
        "38.12": saving.usd_per_day_with,
        "38.13": saving.usd_per_day_without,
        "38.14": saving.saved_usd_per_day,
        "38.15": 100 * saving.saved_share,
    }


def _derated() -> dict[str, Figure]:
    claims = {"40.01": 100, "40.02": 200, "40.03": 500}
    return {key: ends(D(claim) / 3, D(claim) / D("1.5")) for key, claim in claims.items()}
