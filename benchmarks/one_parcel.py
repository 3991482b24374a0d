"""How long `POST /v1/score` takes for one light parcel: one scan, two photos, one at a time.

Starts a service with the built-in bundle on a free port, sends parcels of a generated feed, and
prints the percentiles of the whole request and the time that the scoring process computed.

    python benchmarks/one_parcel.py --parcels 200
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import polars as pl

from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed

DRAWN = 24
BUDGET_MS = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parcels", type=int, default=200)
    count = parser.parse_args().parcels
    with tempfile.TemporaryDirectory() as name:
        feed = Path(name) / "feed"
        config = load_synth_config(None).model_copy(update={"photos": 1.0})
        synth_feed(feed, parcels=DRAWN, seed=5, config=config)
        wedges = next(feed.glob("step_wedges.*"))
        command = ["from parcelscope.pipelines.cli import main; main()", "serve", "--port", "0"]
        command += ["--home", f"{name}/home", "--step-wedges", str(wedges), "--latency-ms", "30000"]
        with subprocess.Popen(
            [sys.executable, "-c", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as service:
            try:
                assert service.stdout is not None
                address = service.stdout.readline().decode().split()[-1]
                with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
                    while client.get("/readyz").status_code != 200:
                        time.sleep(0.2)
                    measure(client, requests_of(feed), count, processes_of(service.pid))
            finally:
                service.terminate()


def requests_of(folder: Path) -> list[dict[str, object]]:
    """What is sent for each parcel of the feed that has a scan and two photos."""
    feed = read_feed(folder)
    made = []
    for parcel in feed.parcels.drop("row").to_dicts():
        rows = feed.images.filter(
            (pl.col("owner_id") == parcel["parcel_id"]) & (pl.col("owner_kind") == "parcel")
        )
        kinds = Counter(rows["kind"].to_list())
        if kinds["photo"] != 2 or not 1 <= kinds["scan"] <= 2:
            continue
        files, images = [], []
        for row in rows.drop("row", "owner_id", "owner_kind").to_dicts():
            path = folder / row["path"]
            if not path.is_file():
                break
            files.append(("files", (path.name, path.read_bytes())))
            images.append({**plain(row), "path": path.name})
        else:
            data = {"parcel": json.dumps(plain(parcel)), "images": json.dumps(images)}
            made.append({"data": data, "files": files})
    return made


def plain(row: dict[str, object]) -> dict[str, object]:
    """`row` without what is not there, dates as text."""
    return {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in row.items()
        if value is not None
    }


def processes_of(parent: int) -> list[int]:
    """`parent` and the processes below it."""
    found = [parent]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():  # any thread may have started one
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_s(pids: list[int]) -> float:
    """Seconds of processor that the processes have used."""
    ticks = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(
    client: httpx.Client, requests: list[dict[str, object]], count: int, pids: list[int]
) -> None:
    """Send `count` parcels and print what they took."""
    took_ms, why = [], Counter()
    for n in range(3):
        client.post("/v1/score", **requests[n % len(requests)])
    used = cpu_s(pids)
    for n in range(count):
        began = time.perf_counter()
        answer = client.post("/v1/score", **requests[n % len(requests)]).json()
        took_ms.append((time.perf_counter() - began) * 1000)
        why[answer["why"] or answer["verdict"]] += 1
    used = cpu_s(pids) - used
    middle, high = np.percentile(took_ms, [50, 95])
    print(f"{count} parcels of {len(requests)}, answers: {dict(why)}")
    print(f"median {middle:.0f} ms, 95 % within {high:.0f} ms, longest {max(took_ms):.0f} ms")
    print(f"processor {used / count * 1000:.0f} ms a parcel; load {os.getloadavg()[0]:.1f}")
    print(f"goal: 95 % within {BUDGET_MS} ms: {'reached' if high <= BUDGET_MS else 'missed'}")


if __name__ == "__main__":
    main()
