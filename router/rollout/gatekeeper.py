"""What the gate says of a candidate from the comparisons that a store holds, when somebody wants to promote it.

Knows where shadow runs are kept and who weighs them; moves nothing.
"""

from collections.abc import Callable

from router.errors import InputError, StoreError
from router.gate.evidence import from_shadow
from router.gate.verdict import Verdict, weigh
from router.log.store import LogStore
from router.shadow.frame import read_shadows

Gate = Callable[[str, str], Verdict | None]  # versions of candidate and incumbent; None: nothing was compared


def shadow_gate(store: LogStore | None) -> Gate:
    """A gate on what was run on both sides. Without a store, or with one that is away, it knows nothing."""

    def verdict(candidate: str, incumbent: str) -> Verdict | None:
        try:
            if store is None:
                return None
            return weigh([from_shadow(read_shadows(store, candidate, incumbent))])
        except (InputError, StoreError):  # no request was seen with both, or it cannot be told
            return None

    return verdict
