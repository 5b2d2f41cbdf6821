"""Which of a provider's service tiers a call may take when its caller can wait: flex for minutes, batch for a day.

Knows who offers what, and how long it may take; what a tier costs is router.meters' business.
"""

import re

from router.meters import TIER_FACTORS
from router.requests import Request

DEFAULT, FLEX, BATCH = "default", "flex", "batch"
# Within how many seconds a tier answers: OpenAI advises timeouts of 15 minutes for flex; batches are due within a day.
TIER_SECONDS = {FLEX: 900.0, BATCH: 86_400.0}
# Models that offer flex; batches take every model that answers in text.
_FLEX = {"openai": re.compile(r"(^|/)(gpt-5|o3(?!-mini)|o4-mini)"), "google": re.compile(r"(^|/)gemini")}
_NO_BATCH = re.compile(r"audio|realtime|search|tts")


def patience(request: Request) -> float:
    """Seconds that the answer may take beyond the usual; a limit on the call's seconds holds whatever else was said."""
    most = request.constraints.max_seconds
    can = request.can_wait_seconds or 0.0
    return can if most is None else min(can, most)


def tiers(model: str, provider: str | None, seconds: float) -> tuple[str, ...]:
    """The tiers that a call of this model may take within so many seconds, the default one first."""
    return (DEFAULT, *(tier for tier, due in TIER_SECONDS.items() if due <= seconds and _has(tier, model, provider)))


def _has(tier: str, model: str, provider: str | None) -> bool:
    if (provider, tier) not in TIER_FACTORS:
        return False
    if tier == BATCH:
        return not _NO_BATCH.search(model.lower())
    offered = _FLEX.get(provider or "")
    return offered is not None and bool(offered.search(model.lower()))
