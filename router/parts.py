"""What decides, as one value: the incumbent, the candidate on trial, the encoder and the cache."""

from dataclasses import dataclass

from router.cache.guarded import GuardedCache
from router.encoders import Encoder
from router.policy import Policy
from router.prices import PriceBook
from router.requests import Request
from router.rollout.stages import Trial
from router.routes import Route


@dataclass(frozen=True)
class Parts:
    """Replaced as one, so that a decision never sees the policy of one and the encoder of another."""

    encoder: Encoder | None = None
    policy: Policy | None = None
    cache: GuardedCache | None = None
    trial: Trial | None = None

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The incumbent, then the candidate."""
        both = (self.policy, None if self.trial is None else self.trial.policy)
        return tuple(one for one in both if one is not None)

    def deciding(self, request: Request) -> Policy | None:
        """The policy for this request: the candidate for its share of sessions, else the incumbent."""
        if self.policy is None or self.trial is None or not self.trial.takes(request):
            return self.policy
        return self.trial.policy

    def named(self, version: str) -> Policy | None:
        """The policy of this version, where it is one of the two."""
        return next((one for one in self.policies if one.version == version), None)

    def book(self, route: Route) -> PriceBook:
        """The prices of whichever policy knows the route, the incumbent's first."""
        knowing = [one for one in self.policies if route in one.specs] or self.policies
        return knowing[0].book if knowing else PriceBook()
