"""What an alternative cost, as the ledger books it: a call of kind `shadow` that the decision's own call caused."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from router.routes import Route
from router.shadow.tables import shadows

SHADOW_MARK = "shadow"  # one alternative per decision: however often it is reported, it is booked once
_BILLED = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "usd", "status", "model")


def shadow_call(connection: Connection, decision_id: str, shadow: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The call to book for a reported alternative; None until its cost can be told."""
    if shadow is None or not ("usd" in shadow or {"input_tokens", "output_tokens"} <= shadow.keys()):
        return None
    if "route" in shadow:
        route = Route.parse(shadow["route"])
    else:
        asked = select(shadows.c.candidate_route).where(shadows.c.decision_id == decision_id)
        key = connection.execute(asked).scalar_one_or_none()
        if key is None:
            return None
        route = Route.parse(key)
    said = {name: shadow[name] for name in _BILLED if name in shadow}
    return {"kind": "shadow", "model": route.model, "effort": shadow.get("effort", route.effort), **said}
