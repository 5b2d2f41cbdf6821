"""How a candidate becomes the incumbent: in stages, watched by guardrails, and back again."""
