"""How much memory a context takes, and how many requests fit on a machine at once.

Keys and values of every layer and key-value head: 2 × layers × kv_heads × head_dim × bytes per element. With one kv
head per attention head that is 2 × layers × hidden × bytes; grouped-query attention divides it by heads ÷ kv_heads.
"""

from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from router.economics.inputs import Inputs, Positive, Share, Tokens, refuse

GIGABYTE = 10**9


class ModelShape(Inputs):
    """What of a transformer decides its memory."""

    layers: int = Field(gt=0, le=1000)
    attention_heads: int = Field(gt=0, le=1000)
    kv_heads: int = Field(gt=0, le=1000)
    head_dim: int = Field(gt=0, le=2048)
    parameters_billion: Positive
    bytes_per_kv_element: Positive = Decimal(2)
    bytes_per_parameter: Positive = Decimal(1)

    def model_post_init(self, context: object) -> None:
        if self.attention_heads % self.kv_heads:
            cure = f"Use a divisor of attention_heads ({self.attention_heads})."
            raise refuse("kv_heads", self.kv_heads, "heads cannot be grouped evenly", cure)

    @property
    def kv_bytes_per_token(self) -> Decimal:
        return 2 * self.layers * self.kv_heads * self.head_dim * self.bytes_per_kv_element

    @property
    def weights_gigabytes(self) -> Decimal:
        return self.parameters_billion * self.bytes_per_parameter

    def kv_gigabytes(self, context_tokens: Tokens) -> Decimal:
        """Of one request with this context."""
        return self.kv_bytes_per_token * context_tokens / GIGABYTE


class Memory(Inputs):
    """The accelerators of one machine; `reserved_share` is kept for activations and the runtime."""

    accelerators: int = Field(gt=0, le=100_000)
    gigabytes_each: Positive
    reserved_share: Share = Decimal("0.1")


@dataclass(frozen=True)
class Fit:
    """What fits: whole requests of a context at once, and the longest context of a single one."""

    weights_gigabytes: Decimal
    kv_gigabytes_per_request: Decimal
    free_gigabytes: Decimal
    concurrent_requests: int
    longest_context_tokens: int


def fit(shape: ModelShape, memory: Memory, context_tokens: Tokens, shared_prefix_tokens: Tokens = 0) -> Fit:
    """Requests that fit beside the weights. A shared prefix is held once (paged attention)."""
    if shared_prefix_tokens > context_tokens:
        raise refuse(
            "shared_prefix_tokens", shared_prefix_tokens, "longer than the context", f"At most {context_tokens}."
        )
    total = memory.accelerators * memory.gigabytes_each * (1 - memory.reserved_share)
    free = max(Decimal(0), total - shape.weights_gigabytes)
    shared = shape.kv_gigabytes(shared_prefix_tokens)
    own = shape.kv_gigabytes(context_tokens - shared_prefix_tokens)
    room = free - shared
    return Fit(
        weights_gigabytes=shape.weights_gigabytes,
        kv_gigabytes_per_request=shape.kv_gigabytes(context_tokens),
        free_gigabytes=free,
        concurrent_requests=max(0, int(room / own)) if own and room > 0 else 0,
        longest_context_tokens=int(free * GIGABYTE / shape.kv_bytes_per_token),
    )


# Shapes as their makers publish them.
SHAPES = {
    "llama-3.3-70b": ModelShape(
        layers=80, attention_heads=64, kv_heads=8, head_dim=128, parameters_billion=Decimal(70)
    ),
    "llama-3.1-8b": ModelShape(layers=32, attention_heads=32, kv_heads=8, head_dim=128, parameters_billion=Decimal(8)),
    "llama-3.1-405b": ModelShape(
        layers=126, attention_heads=128, kv_heads=8, head_dim=128, parameters_billion=Decimal(405)
    ),
    "mixtral-8x22b": ModelShape(
        layers=56, attention_heads=48, kv_heads=8, head_dim=128, parameters_billion=Decimal(141)
    ),
}
