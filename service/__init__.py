"""The HTTP service in front of every LLM request."""
