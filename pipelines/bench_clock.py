"""Clocks of the benchmark: wall, this process's CPU, and what other processes took meanwhile."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The clocks at one moment, in seconds."""

    wall_s: float
    cpu_s: float
    """Of all threads of this process."""
    machine_s: float | None
    """Of all processes of the machine; None where the system does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What passed between two readings."""

    wall_s: float
    cpu_s: float
    others_cores: float | None
    """Cores that other processes kept busy, on average; None where the system does not say."""

    @property
    def cores(self) -> float:
        """Cores that this process kept busy, on average."""
        return self.cpu_s / max(self.wall_s, 1e-9)

    def __add__(self, other: "Spent") -> "Spent":
        """Both stretches together."""
        wall_s = self.wall_s + other.wall_s
        known = self.others_cores is not None and other.others_cores is not None
        taken = (self.others_cores or 0) * self.wall_s + (other.others_cores or 0) * other.wall_s
        return Spent(
            wall_s=wall_s,
            cpu_s=self.cpu_s + other.cpu_s,
            others_cores=taken / max(wall_s, 1e-9) if known else None,
        )


NOTHING = Spent(wall_s=0.0, cpu_s=0.0, others_cores=0.0)


def now() -> Reading:
    """The clocks now."""
    return Reading(
        wall_s=time.perf_counter(), cpu_s=time.process_time(), machine_s=machine_busy_s(STAT)
    )


def since(begin: Reading) -> Spent:
    """What passed since `begin`."""
    end = now()
    wall_s, cpu_s = end.wall_s - begin.wall_s, end.cpu_s - begin.cpu_s
    others = None
    if begin.machine_s is not None and end.machine_s is not None:
        # The machine counts in hundredths of a second: over moments it says nothing.
        others = max(0.0, end.machine_s - begin.machine_s - cpu_s) / max(wall_s, 1e-9)
    return Spent(wall_s=wall_s, cpu_s=cpu_s, others_cores=others)


def machine_busy_s(stat: Path) -> float | None:
    """CPU seconds that all processes of the machine used since it started; None if unknown."""
    try:
        first = stat.read_text(encoding="ascii").partition("\n")[0].split()
        ticks = [int(value) for value in first[1:]]
    except (OSError, ValueError):
        return None
    if first[:1] != ["cpu"] or len(ticks) < 8:
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal: what waits is not busy, and what the
    # hypervisor took is missing to this machine as if another process had taken it.
    user, nice, system, _, _, irq, softirq, steal = ticks[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
