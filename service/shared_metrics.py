"""The metrics of several processes behind one port as one: whichever of them is asked answers for all.

prometheus_client keeps the numbers of each process in files of a folder that the parent names in the environment.
Counters and histograms add up, also over processes that have ended; levels add up over those that live.
"""

import os
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def is_alone() -> bool:
    """Whether no other process is behind this port."""
    return METRICS_FOLDER not in os.environ


def everyone(own: CollectorRegistry) -> CollectorRegistry:
    """What to render: this process's registry where it is alone, else the sum of all."""
    folder = os.environ.get(METRICS_FOLDER)
    if folder is None:
        return own
    summed = CollectorRegistry()
    MultiProcessCollector(summed, path=folder)
    return summed


class AwayCollector(Collector):
    """Which parts are known not to answer, as the process that is asked knows it."""

    def __init__(self, parts: Mapping[str, Callable[[], bool]]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("tierwise_away", "1 while a part is left alone: it kept failing.", labels=["part"])
        for part, is_away in self._parts.items():
            family.add_metric([part], float(is_away()))
        yield family


class LagCollector(Collector):
    """Whether the registry's aliases are behind the pointers, which every process reads from the same files."""

    def __init__(self, lags: Callable[[], bool]) -> None:
        self._lags = lags

    def collect(self) -> Iterator[GaugeMetricFamily]:
        said = "1 while the aliases in the registry of models do not say what the pointers say."
        yield GaugeMetricFamily("tierwise_registry_lags", said, value=float(self._lags()))
