"""A Ray cluster of the tests' own, on this machine, that outlives the drivers that use it."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""What a driver must have in its environment: Ray lets nobody in without a token."""


@contextmanager
def ray_cluster(*, cpus: int, gpus: int = 0) -> Iterator[str]:
    """Address of a running cluster with room for `cpus` actors, and devices that are only counted.

    Ray believes what it is told of devices, and shows each process those that it was given.
    """
    settings = {
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray gives way to everybody else, and on a busy machine an actor then starts for minutes.
        "RAY_worker_niceness": "0",
    }
    head = subprocess.Popen(
        [sys.executable, "-c", _HEAD, str(cpus), str(gpus)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | TOKEN | settings,
        text=True,
    )
    assert head.stdin is not None
    assert head.stdout is not None
    try:
        address = head.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield address
    finally:
        head.stdin.close()
        head.wait(60)
        head.stdout.close()


_HEAD = """
import sys, ray
context = ray.init(
    num_cpus=int(sys.argv[1]), num_gpus=int(sys.argv[2]),
    include_dashboard=False, log_to_driver=False,
    object_store_memory=100_000_000,
)
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
ray.shutdown()
"""
