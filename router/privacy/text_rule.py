"""Whose prompt text may be kept in the log. Knows tenants; nothing of what a text says."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TextRule:
    """Text is kept for `everyone`, or for the tenants named; for others its hash alone."""

    everyone: bool = False
    tenants: frozenset[str] = field(default_factory=frozenset)

    def allows(self, tenant: str) -> bool:
        return self.everyone or tenant in self.tenants


NO_TEXT = TextRule()
