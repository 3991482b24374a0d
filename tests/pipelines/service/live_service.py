"""A real service in a process of its own, on a free port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

COMMAND = "from parcelscope.pipelines.cli import main; main()"
ENDED = {"done", "failed", "cancelled"}


@dataclass(frozen=True)
class LiveService:
    process: subprocess.Popen[str]
    client: httpx.Client

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def submit(self, feed: Path | str, **more: Any) -> str:
        answer = self.client.post("/v1/runs", data={"feed": str(feed), **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait(self, run_id: str, *, timeout_s: float = 90) -> dict[str, Any]:
        """The run once it has ended."""
        until = time.monotonic() + timeout_s
        while (run := self.run(run_id))["state"] not in ENDED:
            assert time.monotonic() < until, run
            time.sleep(0.1)
        return run

    def wait_for_progress(self, run_id: str) -> dict[str, Any]:
        """The run once something of it is done, and more is not."""
        until = time.monotonic() + 60
        while not 0 < (run := self.run(run_id))["done"] < run["total"]:
            assert run["state"] not in ENDED, run
            assert time.monotonic() < until, run
            time.sleep(0.05)
        return run


@contextmanager
def live_service(
    home: Path, settings: Mapping[str, Any], *, key: str | None = None, ready: bool = True
) -> Iterator[LiveService]:
    """Start the service and, unless told otherwise, wait until it is ready."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "settings.yaml"
    file.write_text(yaml.safe_dump({"home": str(home), "port": 0, "grace_s": 20.0, **settings}))
    with (home / "service.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve", "--settings", str(file), "--log-json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("parcelscope serves on "), (home / "service.log").read_text()
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        with httpx.Client(
            base_url=line.split()[-1], headers=headers, timeout=60, trust_env=False
        ) as client:
            service = LiveService(process, client)
            until = time.monotonic() + 90
            while ready and client.get("/readyz").status_code != 200:
                assert time.monotonic() < until, (home / "service.log").read_text()
                time.sleep(0.1)
            yield service
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
