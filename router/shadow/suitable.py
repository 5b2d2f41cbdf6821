"""The body of an alternative's call, for an OpenAI-compatible endpoint. Knows which requests can be sent again."""

from collections.abc import Mapping
from typing import Any

from router.requests import Request

# What decides how an answer is delivered or billed, and what the alternative's own parameters say anew.
_REPLACED = frozenset(
    {
        *("model", "max_tokens", "max_completion_tokens", "reasoning_effort", "reasoning", "thinking"),
        *("thinking_config", "output_config", "service_tier", "stream", "stream_options", "store", "metadata", "n"),
        *("prompt_cache_key", "user", "safety_identifier"),
    }
)
_ACTING = frozenset({"tools", "functions", "tool_choice", "function_call", "mcp_servers"})


def chat_body(request: Request, alternative: Mapping[str, Any]) -> dict[str, Any] | None:
    """The chat completion to ask for; None for a request that cannot be sent again, or must not be: pictures, turns
    that carry more than text, and tools, which may act."""
    if request.images or any(message.rest for message in request.messages) or _ACTING & request.parameters.keys():
        return None
    kept = {name: value for name, value in request.parameters.items() if name not in _REPLACED}
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    return {**kept, "messages": turns, "model": alternative["model"], **alternative["parameters"]}
