"""Routes of runs: submit, look, cancel, fetch."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Header, HTTPException, Query, Request, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel
from starlette.background import BackgroundTask

from parcelscope.pipelines.run_folder import REPORT
from parcelscope.pipelines.run_folder import read_card as run_card
from parcelscope.pipelines.service.places import place_of_feed
from parcelscope.pipelines.service.problems import OF_A_FORM, OF_A_RUN
from parcelscope.pipelines.service.results import TableName, table_page, write_table
from parcelscope.pipelines.service.run_store import RunState, RunStatus, new_run_id
from parcelscope.pipelines.service.state import Service, service_of
from parcelscope.pipelines.service.unpacking import UnpackLimits, unpack_feed

runs_api = APIRouter(prefix="/v1/runs", tags=["runs"])
RunId = Annotated[
    str, InPath(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$", examples=["20261122T124500Z-0123abcd"])
]
MAX_ROWS = 10_000


class RunAnswer(RunStatus, frozen=True, extra="forbid"):
    """One run, with what is worked out from it."""

    share: float
    """Of the stage that is done, 0 to 1."""
    eta_s: float | None
    """Seconds until the stage is done, where that can be told."""


class RunList(BaseModel, frozen=True):
    """Runs, newest first."""

    runs: list[RunAnswer]


class Page(BaseModel, frozen=True):
    """Some rows of a table."""

    table: TableName
    rows: int
    """In the whole table."""
    offset: int
    items: list[dict[str, Any]]


@runs_api.post("", status_code=202, responses=OF_A_FORM)
async def submit_run(
    request: Request,
    feed: Annotated[
        str | None, Form(max_length=2000, description="Path or URL inside a configured root.")
    ] = None,
    archive: Annotated[
        UploadFile | None, File(description="A feed as zip, tar or tar.gz, instead of `feed`.")
    ] = None,
    budget: Annotated[
        float | None,
        Form(gt=0, le=1, description="Share to flag; the configuration's if left out."),
    ] = None,
    seed: Annotated[int, Form(ge=0, le=2**31 - 1)] = 0,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=200, description="The same key gives the same run, however often it is sent."
        ),
    ] = None,
) -> RunAnswer:
    """Queue a run on a feed that the service can see, or on an uploaded one."""
    service = service_of(request)
    caller = request.state.caller
    # Another caller's key must not find this one's run.
    request_key = None if idempotency_key is None else f"{caller.name}\n{idempotency_key}"
    known = service.store.with_request_key(request_key)
    if known is not None:
        return _answer(known)
    if (feed is None) == (archive is None):
        raise HTTPException(422, "expected either `feed` or `archive`, not both and not neither")
    run_id = new_run_id()
    folder = service.worker.folder_of(run_id)
    if archive is not None:
        place = await _take_upload(service, archive, folder / "upload")
    else:
        place = place_of_feed(feed or "", service.settings.roots)
    run = service.store.submit(
        run_id=run_id,
        feed=place,
        budget=budget,
        seed=seed,
        submitted_by=caller.name,
        request_key=request_key,
        max_queued=service.settings.limits.queued_runs,
    )
    if run is None or run.run_id != run_id:  # the queue is full, or its twin was faster
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if run is None:
        most = service.settings.limits.queued_runs
        raise HTTPException(
            429, f"{most} runs wait already; try again later", {"retry-after": "60"}
        )
    service.worker.wake()
    return _answer(run)


async def _take_upload(service: Service, archive: UploadFile, folder: Path) -> str:
    """Unpack an uploaded archive; the folder of the feed in it."""
    limits = service.settings.limits
    with tempfile.NamedTemporaryFile(dir=service.scratch, suffix=".archive") as kept:
        await asyncio.to_thread(shutil.copyfileobj, archive.file, kept, 1024 * 1024)
        kept.flush()
        return str(
            await asyncio.to_thread(
                unpack_feed,
                Path(kept.name),
                folder,
                UnpackLimits(size_bytes=limits.unpacked_bytes, files=limits.unpacked_files),
            )
        )


@runs_api.get("")
def list_runs(
    request: Request,
    state: RunState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """The newest runs."""
    found = service_of(request).store.newest(limit=limit, state=state)
    return RunList(runs=[_answer(run) for run in found])


@runs_api.get("/{run_id}", responses=OF_A_RUN)
def show_run(request: Request, run_id: RunId) -> RunAnswer:
    """State and progress of one run."""
    return _answer(_find(request, run_id))


@runs_api.post("/{run_id}/cancel", status_code=202, responses=OF_A_RUN)
def cancel_run(request: Request, run_id: RunId) -> RunAnswer:
    """Cancel a run that waits, or stop one that is running at its next shard."""
    service = service_of(request)
    run = _find(request, run_id)
    if run.has_ended:
        raise HTTPException(409, f"run {run_id} is {run.state} already")
    if not service.store.cancel_queued(run_id):
        service.worker.cancel(run_id)
    return _answer(_find(request, run_id))


@runs_api.delete("/{run_id}", status_code=204, responses=OF_A_RUN)
def delete_run(request: Request, run_id: RunId) -> Response:
    """Delete a run that has ended, with its results and its upload."""
    service = service_of(request)
    if not _find(request, run_id).has_ended:
        raise HTTPException(409, f"run {run_id} has not ended; cancel it first")
    shutil.rmtree(service.worker.folder_of(run_id), ignore_errors=True)
    service.store.forget(run_id)
    return Response(status_code=204)


@runs_api.get(
    "/{run_id}/results/{table}",
    response_model=Page,
    responses={
        **OF_A_RUN,
        200: {"content": {"application/vnd.apache.parquet": {}}, "description": "The rows."},
    },
)
def read_results(
    request: Request,
    run_id: RunId,
    table: TableName,
    form: Annotated[
        Literal["json", "parquet"],
        Query(alias="format", description="A page of rows, or the whole table."),
    ] = "json",
    offset: Annotated[int, Query(ge=0, le=2**40)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 1000,
) -> Response:
    """A table of a run that is done."""
    service = service_of(request)
    folder = _done_folder(request, run_id)
    if form == "json":
        rows, items = table_page(folder, table, offset=offset, limit=limit)
        return JSONResponse(Page(table=table, rows=rows, offset=offset, items=items).model_dump())
    with tempfile.NamedTemporaryFile(dir=service.scratch, suffix=".parquet", delete=False) as kept:
        path = Path(kept.name)
    try:
        write_table(folder, table, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(
        path,
        media_type="application/vnd.apache.parquet",
        filename=f"{run_id}-{table}.parquet",
        background=BackgroundTask(_remove, path),
    )


@runs_api.get("/{run_id}/card", responses=OF_A_RUN)
def read_card(request: Request, run_id: RunId) -> dict[str, Any]:
    """`run.json`: what was run, with what, and what came out."""
    return run_card(_done_folder(request, run_id)).model_dump(mode="json")


@runs_api.get(
    "/{run_id}/report",
    responses={**OF_A_RUN, 200: {"content": {"text/html": {}}, "description": "The page."}},
)
def read_report(request: Request, run_id: RunId) -> Response:
    """The page of a run that is done."""
    path = _done_folder(request, run_id) / REPORT
    if not path.is_file():
        raise HTTPException(404, f"run {run_id} has no report")
    # The page shows words from manifests: no script in it may run in our name.
    return FileResponse(
        path, media_type="text/html", headers={"content-security-policy": "sandbox allow-scripts"}
    )


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _find(request: Request, run_id: str) -> RunStatus:
    run = service_of(request).store.find(run_id)
    if run is None:
        raise HTTPException(404, f"there is no run {run_id}")
    return run


def _done_folder(request: Request, run_id: str) -> Path:
    run = _find(request, run_id)
    if run.state != "done":
        raise HTTPException(409, f"run {run_id} is {run.state}; it has results once it is done")
    return service_of(request).worker.folder_of(run_id) / "run"


def _answer(run: RunStatus) -> RunAnswer:
    left = run.total - run.done
    running = run.state == "running" and run.rate
    return RunAnswer(
        **run.model_dump(),
        share=1.0 if run.state == "done" else run.done / run.total if run.total else 0.0,
        eta_s=round(left / run.rate, 1) if running and run.rate else None,
    )
