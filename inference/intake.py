"""How far input is trusted: how it is decoded, and how much of it may be damaged."""

from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.decoding import Decoding
from parcelscope.inference.isolation import open_decoding
from parcelscope.inference.time_limit import LIMIT_S

FAULTY: Final = frozenset({"degraded", "quarantined"})
"""Verdicts that count against `max_quarantine_ratio`. A file that is not there is no fault of its
content, and a feed may name files that come later."""
ALWAYS_ALLOWED: Final = 50
"""Faulty images that stop no run, whatever their share: a small feed is looked at by its eye."""
SHOWN_CODES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a run does about input that nobody vouches for. It changes no score."""

    isolate: bool = False
    """Decode in processes of their own."""
    limit_s: float = LIMIT_S
    """Seconds that one item may take."""
    max_quarantine_ratio: float = 0.25
    """Share of the images that may be quarantined or degraded before the run stops."""

    def __post_init__(self) -> None:
        """Refuse what is no share or no time."""
        if not 0 <= self.max_quarantine_ratio <= 1:
            raise ConfigError(
                "--max-quarantine-ratio must be a share from 0 to 1,"
                f" got {self.max_quarantine_ratio}"
            )
        if not 0 < self.limit_s < float("inf"):
            raise ConfigError(f"--item-limit must be seconds above 0, got {self.limit_s}")

    def decoding(self, processes: int) -> AbstractContextManager[Decoding]:
        """How `processes` threads decode; see `open_decoding`."""
        return open_decoding(isolate=self.isolate, processes=processes, limit_s=self.limit_s)

    def allows(self, verdicts: Iterable[tuple[str, int]], images: int) -> bool:
        """Whether a run of so many `images` may have these `verdicts`, each with its number.

        What is too much for the whole feed is too much as soon as it is reached, so a run that
        stops early stops whatever the order of its shards.
        """
        faulty = sum(number for verdict, number in verdicts if verdict in FAULTY)
        return faulty <= ALWAYS_ALLOWED or faulty <= self.max_quarantine_ratio * images

    def refusal(self, codes: Iterable[str | None], images: int) -> RunError:
        """Why a run stops, from the code of each of its faulty images so far."""
        counted = Counter(code or "no code" for code in codes)
        faulty = counted.total()
        commonest = ", ".join(f"{code} {n:,}" for code, n in counted.most_common(SHOWN_CODES))
        return RunError(
            f"{faulty:,} of {images:,} images ({faulty / max(images, 1):.1%}) could not be read or"
            f" checked, more than --max-quarantine-ratio {self.max_quarantine_ratio:g};"
            f" commonest: {commonest}; what is done is kept, and the same command with a higher"
            " ratio goes on from there"
        )


TRUSTED: Final = Intake()
"""The defaults."""
