"""A PostgreSQL server of the tests' own, from Debian's binaries, to be stopped and started."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """Where it is, and how it is started and stopped."""

    bin: Path
    data: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """URL of `database`."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.data} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", "log", "-o", options)

    def stop(self) -> None:
        """At once: what is under way is lost, as when the machine goes down."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.data))

    def new_database(self, name: str) -> str:
        """URL of a new and empty database."""
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return self.url(name)

    def run(self, program: str, *words: str) -> None:
        # The server refuses to run as root.
        user = "postgres" if os.getuid() == 0 else None
        subprocess.run(
            [str(self.bin / program), *words],
            check=True,
            user=user,
            cwd=self.data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A running server; the test skips where there is none to run."""
    pytest.importorskip("psycopg", reason="PostgreSQL needs the postgres extra")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here; install Debian's package postgresql")
    # Not below pytest's own folder, which another user may not enter.
    data = Path(tempfile.mkdtemp(prefix="parcelscope-postgres-"))
    if os.getuid() == 0:
        shutil.chown(data, "postgres")
    server = Server(bin=binaries, data=data, port=_free_port())
    try:
        server.run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _binaries() -> Path | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    return versions[-1].parent if versions else Path(found).parent if found else None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
