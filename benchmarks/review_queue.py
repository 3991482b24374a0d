"""Analysts who take and decide at once: how many decisions a second, and how long each waits.

    python benchmarks/review_queue.py [--sqlite N] [--postgresql N] [--processes N] [--parcels N]
                                      [--look S] [--url URL]

20 analysts on a SQLite file and 100 on PostgreSQL if left out, each a thread that takes a parcel,
looks at it for S seconds on average (exponentially distributed; 0 if left out, which measures how
much the database can do and not how long an analyst waits) and decides, until the queue is empty.
PostgreSQL is Debian's server, started with its usual settings (a commit is on the disk when it is
answered), or the empty database at URL. Afterwards every parcel must be decided once, the chain of
events be whole, and each parcel stand where its events put it; else it ends with an error.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from parcelscope.inference.database import sqlite_url
from parcelscope.review import queue
from parcelscope.review.audit import audit
from parcelscope.review.database import connect, open_review, reading
from parcelscope.review.events import read
from parcelscope.review.items import NewItem, enrol
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person

DOSSIER = {"manifest": [{"field": f"field {n}", "declared": "x" * 80} for n in range(40)]}
"""About as long as that of a parcel with two scans, 5 kB."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sqlite", type=int, default=20)
    words.add_argument("--postgresql", type=int, default=100)
    words.add_argument("--processes", type=int, default=1)
    words.add_argument("--parcels", type=int, default=4000)
    words.add_argument("--look", type=float, default=0.0)
    words.add_argument("--url")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.sqlite:
            url = sqlite_url(Path(folder) / "review.sqlite")
            _measure("SQLite", url, asked.sqlite, asked)
        if asked.postgresql and asked.url:
            _measure("PostgreSQL", asked.url, asked.postgresql, asked)
        elif asked.postgresql:
            with postgresql() as url:
                _measure("PostgreSQL", url, asked.postgresql, asked)


def _measure(name: str, url: str, analysts: int, asked: argparse.Namespace) -> None:
    processes, parcels, look_s = asked.processes, asked.parcels, asked.look
    engine = open_review(url)
    began = time.perf_counter()
    made = [
        NewItem(
            owner_kind="parcel", owner_id=f"CN-{n}", priority=n % 1000 / 1000, dossier=DOSSIER
        )
        for n in range(parcels)
    ]  # fmt: skip
    enrol(engine, made, "benchmark")
    enrolling_s = time.perf_counter() - began
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[list[tuple[str, float]]] = context.Queue()
    gate = context.Barrier(processes + 1)
    people = [f"analyst {number}" for number in range(analysts)]
    workers = [
        context.Process(target=_work, args=(url, people[number::processes], look_s, gate, told))
        for number in range(processes)
    ]
    for one in workers:
        one.start()
    gate.wait()
    began = time.perf_counter()
    times = [pair for _ in workers for pair in told.get()]
    took_s = time.perf_counter() - began
    for one in workers:
        one.join()
    print(
        f"{name}: {analysts} analysts in {processes} processes, {parcels:,} parcels enrolled in"
        f" {enrolling_s:.1f} s; {look_s:g} s each; {parcels / took_s:,.0f} decisions/s"
    )
    cpu_s = sum(seconds for kind, seconds in times if kind == "cpu")
    print(
        f"  {1000 * cpu_s / parcels:.1f} ms of processor time a decision, the server's not counted"
    )
    for what in ("take", "decide"):
        ms = 1000 * np.array([seconds for kind, seconds in times if kind == what])
        p50, p95, p99 = np.percentile(ms, (50, 95, 99))
        print(
            f"  {what:<7}{len(ms):>7,} times, p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms,"
            f" longest {ms.max():.0f} ms"
        )
    _require_whole(engine, parcels)
    engine.dispose()


def _work(
    url: str,
    people: list[str],
    look_s: float,
    gate: "threading.Barrier",
    told: "multiprocessing.Queue[list[tuple[str, float]]]",
) -> None:
    """Be these people, each in a thread."""
    engine = connect(url)
    times: list[tuple[str, float]] = []

    def analyst(name: str) -> None:
        person = Person(name=name, role="analyst")
        chance = random.Random(name)
        time.sleep(chance.random() * look_s)
        while True:
            began = time.perf_counter()
            held = queue.take(engine, person)
            times.append(("take", time.perf_counter() - began))
            if not held:
                return
            time.sleep(chance.expovariate(1 / look_s) if look_s else 0)
            # The other one was fetched ahead, and comes again with the next `take`.
            key = f"{name} {held[0].item_id}"
            made = Decision(decision="inspect", ms_on_screen=4000, idempotency_key=key)
            began = time.perf_counter()
            queue.decide(engine, person, held[0].item_id, made)
            times.append(("decide", time.perf_counter() - began))

    threads = [threading.Thread(target=analyst, args=(name,)) for name in people]
    gate.wait()
    spent = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put([*times, ("cpu", time.process_time() - spent)])
    engine.dispose()


def _require_whole(engine: Engine, parcels: int) -> None:
    began = time.perf_counter()
    with reading(engine) as connection:
        found = audit(connection)
        decided = Counter(event.item_id for event in read(connection) if event.kind == "decide")
    twice = sum(times > 1 for times in decided.values())
    print(
        f"  {len(decided):,} decided, {twice} twice, {parcels - len(decided)} not;"
        f" {found.chain.events:,} events, chain {'whole' if found.whole else 'NOT WHOLE'},"
        f" checked in {time.perf_counter() - began:.1f} s"
    )
    if twice or len(decided) != parcels or not found.whole:
        sys.exit(f"not whole: {found.chain.problem} {found.differ}")


@contextmanager
def postgresql() -> Iterator[str]:
    """URL of an empty database on a server of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        sys.exit("no PostgreSQL server here; install Debian's package postgresql, or give --url")
    data = Path(tempfile.mkdtemp(prefix="parcelscope-review-"))
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(data, user)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [str(found[-1] / program), *words], check=True, user=user, cwd=data,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    try:
        run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust")
        options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c max_connections=200"
        run("pg_ctl", "start", "-w", "-D", str(data), "-l", "log", "-o", options)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(data))
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
