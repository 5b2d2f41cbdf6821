"""Who pays for a call: tenant, user, feature, environment, cost centre, task and free tags. Knows no amounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.requests import OWNING_TAGS, Request

DIMENSIONS = ("tenant", "user", *OWNING_TAGS)


@dataclass(frozen=True)
class Owner:
    """The owner of a call. `task_id` names the piece of work (a ticket, an agent's run) that many calls serve; a call
    without one is a task of its own."""

    tenant: str
    user: str | None = None
    feature: str | None = None
    environment: str | None = None
    cost_centre: str | None = None
    task_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> "Owner":
        named = {name: request.tags.get(name) or None for name in OWNING_TAGS}
        free = {name: tag for name, tag in request.tags.items() if name not in OWNING_TAGS}
        return cls(tenant=request.tenant, user=request.user, tags=free, **named)
