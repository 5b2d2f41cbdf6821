"""Planning over HTTP: `POST /plan/CHAPTER` answers a scenario, `GET /prices/MODEL` quotes a model. Computes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from router.economics.chapters import CHAPTERS, Chapter, plan_scenario
from router.economics.measured import Measured, Period, measure_periods
from router.economics.plan import Plan
from router.economics.price_table import model_table
from router.economics.scenarios import example
from router.engine import Engine
from router.errors import InputError, StoreError
from router.moments import parse_moment
from service import problems
from service.access import caller_of, own_measured

Answer = Callable[[dict[str, Any]], Awaitable[Response]]
Answered = Callable[[Request, Answer], Awaitable[Response]]
_PRICE_PARAMETERS = [
    {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "example": "openai/gpt-5"},
    {"name": "at", "in": "query", "schema": {"type": "string"}, "description": "ISO 8601; default: now"},
]
_REF = "#/components/schemas/{name}"


class FigureAnswer(BaseModel):
    """One number; decimals are text, so that no digit is lost."""

    name: str
    value: str | int | float | None
    unit: str
    how: str


class TableAnswer(BaseModel):
    """Rows under columns; a column's name ends in its unit."""

    title: str
    columns: list[str]
    rows: list[list[str | int | float | None]]
    note: str


class PlanAnswer(BaseModel):
    """The answer to a scenario: a sentence, the figures behind it, tables, and what to draw."""

    model_config = ConfigDict(extra="allow")

    chapter: str
    title: str
    answer: str = Field(description="One sentence that answers the chapter's question.")
    figures: list[FigureAnswer]
    tables: list[TableAnswer]
    charts: list[dict[str, Any]]
    notes: list[str] = Field(description="Where prices and measured numbers come from.")


PLAN_SHAPES: tuple[type[BaseModel], ...] = (PlanAnswer, Period, *(one.scenario for one in CHAPTERS.values()))


def add_plans(app: FastAPI, engine: Engine, answered: Answered) -> None:
    """One endpoint per chapter, and one for prices. `answered` reads the body and turns errors into problems."""
    for chapter in CHAPTERS.values():
        _add_chapter(app, engine, answered, chapter)

    @app.post("/plan/{chapter}", include_in_schema=False, response_model=None)
    async def unknown(chapter: str) -> Response:
        known = f"Plan one of {', '.join(CHAPTERS)}."
        said = {"field": "chapter", "value": chapter, "cure": known}
        return problems.problem(404, "unknown-chapter", "Unknown chapter", "chapter: no such chapter", **said)

    @app.get("/prices/{model:path}", operation_id="prices", response_model=None, openapi_extra=_documented(None))
    async def prices(request: Request) -> Response:
        """What a model costs on a day, meter by meter, by every source that quotes it."""
        try:
            return _json(model_table(request.path_params["model"], parse_moment(request.query_params.get("at"))))
        except InputError as error:
            return problems.input_problem(error)


def _add_chapter(app: FastAPI, engine: Engine, answered: Answered, chapter: Chapter) -> None:
    async def plan(request: Request) -> Response:
        async def answer(given: dict[str, Any]) -> Response:
            measured = own_measured(caller_of(request), given.get("measured"))
            scenario = {**given, "chapter": chapter.name} | ({} if measured is None else {"measured": measured})
            try:
                # measuring reads the log, and a capacity plan sorts its traffic: neither on the event loop
                return _json(await asyncio.to_thread(_planned, engine, scenario))
            except StoreError as error:
                return problems.problem(
                    503, "store", "The log cannot be read", str(error), headers={"Retry-After": "1"}
                )

        return await answered(request, answer)

    app.add_api_route(
        f"/plan/{chapter.name}",
        plan,
        methods=["POST"],
        summary=chapter.question,
        description=(chapter.scenario.__doc__ or "") + " Numbers may be taken from the decision log: see `measured`.",
        operation_id=f"plan_{chapter.name}",
        response_model=None,
        openapi_extra=_documented(chapter),
    )


def _planned(engine: Engine, scenario: Mapping[str, Any]) -> Plan:
    return plan_scenario(scenario, _measured(engine, scenario.get("measured")))


def _measured(engine: Engine, asked: Any) -> Mapping[str, Measured]:
    if asked is None:
        return {}
    if not isinstance(asked, Mapping):
        raise InputError("measured", asked, "not an object", "Send tenant, since, until, route or task.")
    if engine.store is None:
        raise InputError(
            "measured", dict(asked), "this service keeps no log", "Configure a store, or type the numbers."
        )
    return measure_periods(engine.store, asked)


def _documented(chapter: Chapter | None) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}}
    done = {"content": {"application/json": {"schema": {"$ref": _REF.format(name="PlanAnswer")}}}}
    responses = {
        "200": {"description": "The plan", **done},
        "422": {"description": "An impossible input: the field, its value and the cure", **problem},
    }
    if chapter is None:
        return {"responses": responses, "parameters": _PRICE_PARAMETERS}
    responses |= {"400": {"description": "Not JSON", **problem}, "413": {"description": "Too large", **problem}}
    shown = {name: value for name, value in example(chapter.name).items() if name != "chapter"}
    body = {
        "schema": {
            "allOf": [{"$ref": _REF.format(name=chapter.scenario.__name__)}],
            "properties": {"measured": {"$ref": _REF.format(name="Period")}},
        },
        "example": orjson.loads(orjson.dumps(shown, default=float)),
    }
    return {"requestBody": {"required": True, "content": {"application/json": body}}, "responses": responses}


def _json(plan: Plan) -> Response:
    return Response(orjson.dumps(plan.to_json()), media_type="application/json")
