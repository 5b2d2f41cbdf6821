"""The OpenAPI document: which shapes each endpoint takes and answers.

Descriptions only: bodies are validated by `router.requests` and `router.outcomes`, so that there is one truth.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.answer_shapes import CostAnswer, ForgetAnswer, InvalidateAnswer, OutcomeAnswer, Problem, RouteAnswer
from service.body_shapes import CostBody, ForgetBody, InvalidateBody, OutcomeBody, RouteBody

_REF = "#/components/schemas/{model}"
_SHAPES = (
    *(RouteBody, RouteAnswer, OutcomeBody, OutcomeAnswer, InvalidateBody, InvalidateAnswer, CostBody, CostAnswer),
    *(ForgetBody, ForgetAnswer),
    Problem,
)
_DONE: dict[str, Any] = {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}


def documented(name: str) -> dict[str, Any]:
    """What the decorator of an endpoint is told: nothing is validated or serialised from it."""
    extra: dict[str, Any] = {"responses": _answers(name)}
    bodies: dict[str, type[BaseModel]] = {
        "route": RouteBody,
        "outcomes": OutcomeBody,
        "cache_invalidate": InvalidateBody,
        "costs": CostBody,
        "privacy_forget": ForgetBody,
    }
    if name in bodies:
        content = {"application/json": {"schema": _ref(bodies[name])}}
        extra["requestBody"] = {"required": True, "content": content}
    return {"openapi_extra": extra, "response_model": None, "operation_id": name}


def describe(app: FastAPI, more: Sequence[type[BaseModel]] = ()) -> None:
    """Let /openapi.json hold the shapes above, and `more`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            known: tuple[type[BaseModel], ...] = (*_SHAPES, *more)
            shapes = models_json_schema([(shape, "validation") for shape in known], ref_template=_REF)[1]["$defs"]
            document["components"] = {"schemas": shapes}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _answers(name: str) -> dict[str, Any]:
    answers: dict[str, type[BaseModel]] = {
        "route": RouteAnswer,
        "outcomes": OutcomeAnswer,
        "cache_invalidate": InvalidateAnswer,
        "costs": CostAnswer,
        "privacy_forget": ForgetAnswer,
    }
    if name == "metrics":
        return {"200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    if name == "readyz":
        return {"200": _DONE, "503": {**_DONE, "description": "Not ready, with reasons"}}
    if name == "frontier":
        return {"200": _DONE, "404": _problem("No policy is loaded")}
    if name == "cache":
        return {"200": _DONE, "404": _problem("No cache is open")}
    if name not in answers:
        return {"200": _DONE}
    told = {"200": {"description": "Done", "content": {"application/json": {"schema": _ref(answers[name])}}}}
    told |= {"400": _problem("Not JSON"), "413": _problem("Too large"), "422": _problem("A wrong value, or a conflict")}
    if name == "route":
        told |= {
            "402": _problem("A budget is exhausted"),
            "403": _problem("Not granted"),
            "429": _problem("As 402, or too many decisions wait: then it carries `safe_route`"),
        }
    if name == "outcomes":
        told |= {"404": _problem("Unknown decision"), "503": _problem("Not recorded; send it again")}
    if name == "cache_invalidate":
        told |= {"403": _problem("The write token is missing"), "404": _problem("No cache is open")}
    return told


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
