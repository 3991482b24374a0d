"""A real review application, served in a thread on a free port, and items to put into it."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from parcelscope.review.app import create_app
from parcelscope.review.database import open_review
from parcelscope.review.dossier import Dossier, ManifestLine, Reason, Source, Versions
from parcelscope.review.items import Band, NewItem, enrol
from parcelscope.review.people import add_member
from parcelscope.review.pictures import Pictures
from parcelscope.review.roles import Role
from parcelscope.review.settings import ReviewSettings

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class LiveReview:
    url: str
    engine: Engine
    app: FastAPI

    def browser(self, **headers: str) -> httpx.Client:
        """A client that sends what a page of the application would, and keeps its cookies."""
        return httpx.Client(base_url=self.url, headers={"origin": self.url, **headers}, timeout=30)

    @contextmanager
    def signed_in(self, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
        """A client after `name` has signed in."""
        with self.browser() as client:
            answer = client.post("/sign-in", data={"name": name, "password": password})
            assert answer.status_code == 303, answer.text
            yield client


@contextmanager
def live_review(
    folder: Path, *, database: str | None = None, **settings: Any
) -> Iterator[LiveReview]:
    """Serve the application on a new database, or on `database`, until the block ends."""
    engine = open_review(database or f"sqlite:///{folder / 'review.sqlite'}")
    app = create_app(ReviewSettings.model_validate(settings), engine, Pictures())
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, proxy_headers=False, ws="none", lifespan="on")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the application did not start"
            assert time.monotonic() < until, "the application did not start in time"
            time.sleep(0.01)
        yield LiveReview(f"http://127.0.0.1:{listening.getsockname()[1]}", engine, app)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        engine.dispose()


def add_people(engine: Engine, *people: tuple[str, Role]) -> None:
    """Add people who all have the same password."""
    for name, role in people:
        add_member(engine, by="parcelscope", name=name, role=role, password=PASSWORD)


def some_parcel(
    owner_id: str = "P-1",
    *,
    band: Band = "inspect",
    risk: float = 0.9,
    description: str = "toys",
    manifest: Sequence[ManifestLine] = (),
    hidden: Sequence[str] = (),
    **columns: Any,
) -> NewItem:
    """A flagged parcel without images."""
    dossier = Dossier(
        owner_kind=columns.get("owner_kind", "parcel"),
        owner_id=owner_id,
        risk_words="Of 100 parcels like this one, about 90 are worth an inspection.",
        reasons=(
            Reason(
                code="U3.scale",
                sentence="The scale says 2.91 kg; the manifest says 1.32 kg.",
                observed=2910.0,
                expected=1320.0,
                unit="g",
                contribution=3.7,
            ),
        ),
        not_assessed=(),
        manifest=tuple(manifest),
        images=(),
        carton=None,
        versions=Versions(bundle="bundle-1", threshold="threshold-1"),
        source=Source(feed="/nowhere/feed", run="/nowhere/run"),
        hidden=tuple(hidden),
    )
    told = {
        "owner_kind": "parcel",
        "owner_id": owner_id,
        "facility": "JFK",
        "lane": "HK-JFK",
        "risk": risk,
        "band": band,
        "priority": risk,
        "reason_codes": ("U3.scale",),
        "description": description,
        "dossier": dossier.model_dump(mode="json"),
    }
    return NewItem(**{**told, **columns})


def put(engine: Engine, *items: NewItem, run_id: str = "run-1") -> list[str]:
    """Enrol `items`; their ids."""
    enrol(engine, items, run_id)
    return [item.item_id for item in items]
