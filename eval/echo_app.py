"""A bare FastAPI endpoint that answers what it was sent: what HTTP costs when nothing is done. For measurements."""

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response


def make_app() -> FastAPI:
    """Run by `python -m uvicorn --factory eval.echo_app:make_app`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/route")
    async def echo(request: Request) -> Response:
        return Response(orjson.dumps(orjson.loads(await request.body())), media_type="application/json")

    return app
