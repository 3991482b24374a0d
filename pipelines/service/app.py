"""The application: its parts, put together."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from importlib import metadata

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from parcelscope.datasets.errors import ParcelscopeError, first_fault
from parcelscope.pipelines.service.database import ServiceDatabase
from parcelscope.pipelines.service.guard import SCORE, Guard, error_body
from parcelscope.pipelines.service.keys import KeyRing
from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.parcel import not_assessed
from parcelscope.pipelines.service.problems import EVERYWHERE
from parcelscope.pipelines.service.run_store import RunStore
from parcelscope.pipelines.service.run_worker import RunWorker
from parcelscope.pipelines.service.runs_api import runs_api
from parcelscope.pipelines.service.score_api import score_api
from parcelscope.pipelines.service.scoring import ParcelScoring
from parcelscope.pipelines.service.settings import ServiceSettings
from parcelscope.pipelines.service.state import Service


def make_app(settings: ServiceSettings, database: ServiceDatabase) -> FastAPI:
    """The service as an ASGI application; what works in it begins when it is served."""
    metrics = Metrics()
    keys = KeyRing(database)

    @contextlib.asynccontextmanager
    async def at_work(app: FastAPI) -> AsyncIterator[None]:
        scratch = settings.home.resolve() / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)  # of a service that was killed
        scratch.mkdir(parents=True)
        scoring = ParcelScoring(settings, metrics)
        store = RunStore(database)
        worker = RunWorker(store, settings, metrics, lambda: scoring.bundle)
        app.state.service = Service(
            settings=settings,
            store=store,
            worker=worker,
            scoring=scoring,
            metrics=metrics,
            scratch=scratch,
        )
        watch = asyncio.create_task(scoring.watch())
        worker.start()
        try:
            yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            await asyncio.to_thread(worker.stop)
            scoring.close()

    app = FastAPI(
        title="parcelscope",
        summary="Scores X-ray scans, photos and manifest rows of small parcels.",
        version=metadata.version("parcelscope"),
        lifespan=at_work,
        responses=EVERYWHERE,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(runs_api)
    app.include_router(score_api)
    app.add_exception_handler(ParcelscopeError, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(
        Guard,
        find_caller=keys.find,
        keys_needed=keys.needed,
        limits=settings.limits,
        metrics=metrics,
    )
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """What was asked for cannot be: one sentence."""
    from parcelscope.pipelines.cli import one_line

    return JSONResponse(error_body(request.url.path, one_line(error)), status_code=422)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if request.url.path == SCORE and error.status_code == 400:  # a form that is none
        return _fail_open(str(error.detail))
    return JSONResponse(
        error_body(request.url.path, str(error.detail)),
        status_code=error.status_code,
        headers=error.headers,
    )


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    detail = first_fault(error.errors())
    if request.url.path == SCORE:
        return _fail_open(detail)
    return JSONResponse(error_body(request.url.path, detail), status_code=422)


def _fail_open(reason: str) -> Response:
    return JSONResponse(not_assessed("request", reason).model_dump(mode="json"))
