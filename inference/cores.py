"""How many cores this process may use, which may be fewer than the machine has."""

import math
import os
from pathlib import Path
from typing import Final

CGROUPS: Final = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path = CGROUPS) -> int:
    """Whole cores for this process: its affinity, cut to the quota of its container.

    A container with a quota of two cores still sees all of the machine's; a thread for each of
    those would spend its time waiting for the quota. A part of a core counts as one.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says
        cores = os.cpu_count() or 1
    quota = quota_cores(cgroups)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def quota_cores(cgroups: Path = CGROUPS) -> float | None:
    """Cores' worth of time that the control group grants, or None where it sets no limit.

    Version 2 keeps `quota period` in one file, version 1 in two; both in microseconds, and `max`
    or -1 for no limit.
    """
    for quota_file, period_file in (
        ("cpu.max", None),
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    ):
        try:
            words = (cgroups / quota_file).read_text().split()
            if period_file is not None:
                words += (cgroups / period_file).read_text().split()
            quota, period = (int(word) for word in words)
        except (OSError, ValueError):  # another version of control groups, or "max"
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None
