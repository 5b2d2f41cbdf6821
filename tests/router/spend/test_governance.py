"""What is not granted is off."""

from datetime import date

import pytest

from router.catalog import build_specs
from router.errors import NotGrantedError
from router.routes import Route
from router.spend.governance import Governance, Grant

DAY = date(2026, 3, 1)
GRANT = Grant(("research-*",), tiers=("frontier",), max_effort="high", until=DAY, reason="review 114")


def refusal(route: str, tier: str, tenant: str = "acme", on: date = DAY, **more: object) -> str | None:
    rules = Governance(grants=(GRANT,), **more)  # type: ignore[arg-type]
    return rules.refusal(Route.parse(route), tier, tenant, "prod", on)


@pytest.mark.parametrize(
    "route, tier, tenant, missing",
    [
        ("m|none", "economy", "acme", None),
        ("m|medium", "reasoning", "acme", None),
        ("m|none", "frontier", "acme", "a grant of tier frontier"),
        ("m|high", "reasoning", "acme", "a grant of effort high"),
        ("m|budget:20000", "reasoning", "acme", "a grant of effort budget:20000"),
        ("m|high", "frontier", "research-7", None),
        ("m|xhigh", "reasoning", "research-7", "a grant of effort xhigh"),
        ("m|cot", "economy", "acme", None),
    ],
)
def test_frontier_and_high_effort_are_off_unless_granted(
    route: str, tier: str, tenant: str, missing: str | None
) -> None:
    assert refusal(route, tier, tenant) == missing


def test_a_grant_ends_with_its_last_day() -> None:
    assert refusal("m|none", "frontier", "research-7", date(2026, 3, 2)) == "a grant of tier frontier"


def test_models_can_be_closed_and_granted_by_pattern() -> None:
    assert refusal("o3|none", "economy", models=("gpt-*",)) == "a grant of model o3"
    assert refusal("gpt-5|none", "economy", models=("gpt-*",)) is None


def test_a_tenant_without_any_route_is_told_what_it_would_need() -> None:
    routes = [Route("gpt-4o", "none"), Route("o3", "high")]
    specs = build_specs(routes, {"gpt-4o": {"tier": "frontier"}, "o3": {"tier": "reasoning"}})
    with pytest.raises(
        NotGrantedError, match="acme; it would need a grant of effort high; or a grant of tier frontier"
    ):
        Governance().allowed(routes, specs, "acme", None, DAY)
    assert Governance(grants=(GRANT,)).allowed(routes, specs, "research-1", None, DAY) == ("gpt-4o|none", "o3|high")
