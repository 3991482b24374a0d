"""The route of single parcels, and those that say how the service is."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from parcelscope.datasets.errors import BundleError, FeedError
from parcelscope.pipelines.service.guard import SCORE
from parcelscope.pipelines.service.parcel import ScoreAnswer, not_assessed, read_request
from parcelscope.pipelines.service.problems import NOT_READY, OF_A_BUNDLE
from parcelscope.pipelines.service.state import service_of

score_api = APIRouter()


@score_api.post(SCORE, tags=["parcels"])
async def score(
    request: Request,
    parcel: Annotated[
        str, Form(description="JSON object with columns of the parcels table.")
    ] = "{}",
    images: Annotated[
        str,
        Form(description="JSON list of rows of the images table; `path` is the name of a file."),
    ] = "[]",
    files: Annotated[list[UploadFile], File(description="The scans and photos.")] = [],  # noqa: B006
) -> ScoreAnswer:
    """Score one parcel within the latency budget.

    Whatever goes wrong, the answer is 200 and `not_assessed` with a reason: a parcel is never held
    because the service failed.
    """
    service = service_of(request)
    began = time.perf_counter()
    try:
        asked = read_request(
            parcel,
            images,
            {file.filename or "": await file.read() for file in files},
            max_images=service.settings.limits.parcel_images,
        )
        answer = await service.scoring.score(asked)
    except FeedError as error:
        answer = not_assessed("request", str(error))
    took_s = time.perf_counter() - began
    service.metrics.parcels.labels(answer.verdict, answer.why or "").inc()
    service.metrics.parcel_seconds.observe(took_s)
    return answer.model_copy(update={"took_ms": round(took_s * 1000, 1)})


@score_api.get("/healthz", tags=["service"])
def healthy() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "ok"}


@score_api.get("/readyz", tags=["service"], responses=NOT_READY)
def ready(request: Request) -> Response:
    """Whether a bundle has passed its self-test and scores."""
    scoring = service_of(request).scoring
    bundle = scoring.bundle
    if bundle is None or not scoring.is_ready:
        return JSONResponse({"detail": "no scoring process is ready"}, status_code=503)
    return JSONResponse({"status": "ready", "bundle": bundle.digest})


@score_api.get(
    "/metrics",
    tags=["service"],
    responses={200: {"content": {"text/plain": {}}, "description": "The figures."}},
)
def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    service = service_of(request)
    for state, count in service.store.count_by_state().items():
        service.metrics.runs.labels(state).set(count)
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


@score_api.post("/v1/bundle/reload", tags=["service"], responses=OF_A_BUNDLE)
async def reload_bundle(request: Request) -> dict[str, Any]:
    """Look now whether the bundle is another one, and take it up if it passes its self-test."""
    try:
        said = await asyncio.to_thread(service_of(request).scoring.reload, again=True)
    except BundleError as error:
        raise HTTPException(409, str(error)) from None
    return {"said": said}
