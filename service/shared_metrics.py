"""The metrics of several processes behind one port as one: whichever of them is asked answers for all.

prometheus_client keeps the numbers of each process in files of a folder that the parent names in the environment.
Counters and histograms add up, also over processes that have ended; levels add up over those that live.
"""

import os

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def everyone(own: CollectorRegistry) -> CollectorRegistry:
    """What to render: this process's registry where it is alone, else the sum of all."""
    folder = os.environ.get(METRICS_FOLDER)
    if folder is None:
        return own
    summed = CollectorRegistry()
    MultiProcessCollector(summed, path=folder)
    return summed
