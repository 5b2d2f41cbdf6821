"""Each tenant's promise as Prometheus reads it. Tenants are a label, so only so many of them are told."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from router.cache.risk_control import Promise
from router.cache.semantic import SemanticCache

MOST_TENANTS = 100
_GAUGES = (
    ("max_wrong_ratio", "The share of wrong answers that the cache may serve.", "max_wrong"),
    ("wrong_ratio", "The share of wrong answers served in the present window, estimated.", "estimate"),
    ("wrong_upper_ratio", "The upper 95 % bound of that share.", "upper"),
    ("hit_ratio", "The share of requests that the cache served, since the beginning.", "hits"),
)


class PromiseCollector(Collector):
    """The busiest tenants; the others are counted in `tierwise_cache_untold_tenants`."""

    def __init__(self, cache: SemanticCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[GaugeMetricFamily]:
        promises = sorted(((self._cache.promise(name), name) for name in self._cache.tenants()), key=_busiest_first)
        for name, text, field in _GAUGES:
            family = GaugeMetricFamily(f"tierwise_cache_{name}", text, labels=["tenant"])
            for promise, tenant in promises[:MOST_TENANTS]:
                value = getattr(promise, field)
                family.add_metric([tenant], value / max(promise.requests, 1) if field == "hits" else value)
            yield family
        untold = "Tenants beyond those whose promise is told."
        yield GaugeMetricFamily("tierwise_cache_untold_tenants", untold, max(0, len(promises) - MOST_TENANTS))


def _busiest_first(one: tuple[Promise, str]) -> tuple[int, str]:
    promise, name = one
    return -promise.requests, name
