"""What a process must load before it does its whole job; what fails is tried again, ever more rarely, until it works.

Knows steps and pauses. A database that is away at the start, or memory that is short just then, must not cost a service
its cache or its encoder until somebody restarts it.
"""

from collections.abc import Callable, Sequence
from threading import Event

FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 1.0, 60.0


def until_all_work(steps: Sequence[Callable[[], bool]], stopping: Event) -> None:
    """Take the steps in order, and those that say False again after a rest, until all have worked or `stopping` is
    set."""
    left, rest = list(steps), FIRST_REST_SECONDS
    while True:
        left = [step for step in left if not step()]
        if not left or stopping.wait(rest):
            return
        rest = min(2 * rest, LONGEST_REST_SECONDS)
