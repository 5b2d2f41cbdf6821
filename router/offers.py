"""What each route offers for one request: tokens, USD, seconds and service tier, at the prices of a moment.

What changes the price of a call besides its length is weighed here: pictures and sounds, a beginning that the provider
still holds, and time to wait. Knows nothing of quality.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from router.catalog import RouteSpec
from router.estimate.estimators import Estimates
from router.media_tokens import picture_tokens, sound_tokens
from router.meters import Meters
from router.prices import CallTokens, PriceBook, Usage, find_model
from router.requests import Request, Warm
from router.routes import Route
from router.service_tiers import BATCH, TIER_SECONDS, patience, tiers

# Providers keep no shorter prefix than this many tokens.
LEAST_PREFIX_TOKENS = 1024
_COLD = Warm(0.0, 0.0)
# A turn's framing takes at most these.
TURN_TOKENS = 16


@dataclass(frozen=True)
class Offers:
    """One request on every route, (R,). USD are expected, and at the .95 quantile of the output (`upper_usd`);
    `cached_tokens` of the input are expected to be read at the cached rate; `seconds` 0: unknown;
    no `tiers`: all default."""

    input_tokens: np.ndarray
    output_tokens: np.ndarray
    cached_tokens: np.ndarray
    usd: np.ndarray
    upper_usd: np.ndarray
    seconds: np.ndarray
    tiers: tuple[str, ...] = ()


def usual_seconds(estimates: Estimates, facts: Sequence[RouteSpec]) -> np.ndarray:
    """Expected seconds (n, R): estimated where the labels told, else as the routes file says, else 0."""
    known = np.array([spec.seconds or 0.0 for spec in facts])
    return np.where(estimates.seconds > 0, estimates.seconds, known)


def changes_price(request: Request) -> bool:
    """Whether a call of this request costs anything else than its text at list price."""
    return bool(request.warm or request.can_wait_seconds or any(message.media for message in request.messages))


def special_offers(
    request: Request,
    routes: Sequence[Route],
    specs: Mapping[Route, RouteSpec],
    book: PriceBook,
    estimates: Estimates,
    at: datetime,
) -> Offers:
    """The offers for a request that `changes_price`, each on the cheapest service tier that it can wait for.

    `estimates` are those of this request alone (n = 1); their input tokens are the text's.
    """
    seconds = usual_seconds(estimates, [specs[route] for route in routes])[0]
    numbers, chosen = np.empty((6, len(routes))), []
    for j, route in enumerate(routes):
        given, made, most = (
            float(one[0, j]) for one in (estimates.input_tokens, estimates.output_tokens, estimates.output_tokens_high)
        )
        tokens = _tokens(request, route, specs[route].provider, given, made)
        usd, tier = min(_priced(request, route, specs[route].provider, book, tokens, at), key=lambda one: one[0])
        held = _at_tier(tokens, tier)
        upper = book.rates(route, at).call_usd(held._replace(output=most)) * float(book.tier_factor(route, tier))
        due = max(float(seconds[j]), TIER_SECONDS.get(tier, 0.0))
        numbers[:, j] = tokens.input, made, held.cached, usd, upper, due
        chosen.append(tier)
    inputs, outputs, kept, mean_usd, upper_usd, waits = numbers
    return Offers(inputs, outputs, kept, mean_usd, upper_usd, waits, tuple(chosen))


def _tokens(request: Request, route: Route, provider: str | None, given: float, made: float) -> CallTokens:
    image = picture_tokens(request.pictures, route.model, provider)
    audio = sound_tokens(request.sounds, provider)
    warm = request.warm.get(route.model, _COLD)
    kept = warm.share * given
    cached = kept * warm.read if kept >= LEAST_PREFIX_TOKENS else 0.0
    return CallTokens(given + image + audio, made, cached, image, audio)


def _at_tier(tokens: CallTokens, tier: str) -> CallTokens:
    """A batch is run whenever there is room: by then the provider has let go of the beginning."""
    return tokens._replace(cached=0.0) if tier == BATCH else tokens


def _priced(
    request: Request, route: Route, provider: str | None, book: PriceBook, tokens: CallTokens, at: datetime
) -> list[tuple[float, str]]:
    """USD by service tier, the default one first: at equal cost nobody waits."""
    rates, open_ = book.rates(route, at), tiers(route.model, provider, patience(request))
    return [(rates.call_usd(_at_tier(tokens, one)) * float(book.tier_factor(route, one)), one) for one in open_]


def most_usage(request: Request, route: Route, max_output_tokens: int) -> Usage:
    """What a call can take at most: a byte-level tokenizer makes no more than one token of a byte."""
    found = find_model(route.model)
    provider = found[0].id if found else None
    size = sum(len(message.content.encode("utf-8", "surrogatepass")) for message in request.messages)
    heard = sound_tokens(request.sounds, provider)
    seen = picture_tokens(request.pictures, route.model, provider)
    given = size + TURN_TOKENS * (len(request.messages) + 1) + heard + seen
    return Usage(given, max_output_tokens, meters=Meters(audio_input_tokens=heard))
