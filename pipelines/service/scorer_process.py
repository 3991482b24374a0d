"""A process that scores single parcels, and its end of the line in the service.

Decoders meet files from outside: one that crashes or hangs costs this process, never the service.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from parcelscope.datasets.errors import BundleError, ParcelscopeError
from parcelscope.pipelines.service.parcel import (
    BundleAnswer,
    ParcelRequest,
    ScoreAnswer,
    not_assessed,
)

LOADING_TAKES_AT_MOST_S: Final = 120.0


class ScorerLostError(Exception):
    """The scoring process died or was stuck; there is no answer from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSettings:
    """What a scoring process loads."""

    bundle: Path
    config: Path | None
    step_wedges: Path | None
    history: str | None = None
    """URL of the history of numbers."""


class ScorerProcess:
    """One scoring process: one parcel at a time, in the caller's thread."""

    def __init__(self, settings: ScorerSettings) -> None:
        """Start it and wait until it has passed its self-test.

        Raises:
            BundleError: If it refuses the bundle, or dies over it.
        """
        self.settings = settings
        self.in_use = threading.Lock()
        """Held while a parcel is with it."""
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, settings), name="scorer", daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            ready = self._receive(LOADING_TAKES_AT_MOST_S)
        except ScorerLostError:
            self.close()
            raise BundleError(
                f"{settings.bundle}: expected a bundle that scores, but its process died or was"
                " stuck while loading it"
            ) from None
        if isinstance(ready, str):
            self.close()
            raise BundleError(ready)
        self.name: BundleAnswer = ready

    def score(self, request: ParcelRequest, *, stuck_after_s: float) -> ScoreAnswer:
        """What it says about one parcel.

        Raises:
            ScorerLostError: If it died, or took longer than `stuck_after_s`; it is then killed.
        """
        try:
            self._line.send(request)
            answer = self._receive(stuck_after_s)
        except (ScorerLostError, OSError):
            self.close()
            raise ScorerLostError from None
        if not isinstance(answer, ScoreAnswer):
            raise ScorerLostError
        return answer

    def close(self) -> None:
        """End it now."""
        self._line.close()
        self._process.kill()
        self._process.join(5)

    def _receive(self, within_s: float) -> Any:
        try:
            if not self._line.poll(within_s):
                raise ScorerLostError
            return self._line.recv()
        except (EOFError, OSError):
            raise ScorerLostError from None


def _serve(line: Connection, settings: ScorerSettings) -> None:
    """What the process does, until the service closes the line."""
    # Ctrl-C reaches the whole group; the service says itself when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One row at a time: polars' threads would only wait for each other (before it is imported).
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        score = _load(settings)
    except (ParcelscopeError, OSError) as error:
        line.send(str(error))
        return
    line.send(score.name)
    while True:
        try:
            request = line.recv()
        except (EOFError, OSError):
            return
        line.send(score.score(request))


@dataclass(frozen=True, slots=True)
class _Loaded:
    name: BundleAnswer
    score_parcel: Callable[[ParcelRequest], ScoreAnswer]

    def score(self, request: ParcelRequest) -> ScoreAnswer:
        """The answer, whatever happens: an error here must not hold a parcel."""
        began = time.perf_counter()
        try:
            answer = self.score_parcel(request)
        # As in `inference.verdicts.attempt`: the files come from outside, and no parcel may wait
        # because six decoders and a runtime raise what they like.
        except Exception as error:
            answer = not_assessed(
                "internal", f"{type(error).__name__}: {' '.join(str(error).split())}"
            )
        took_ms = round((time.perf_counter() - began) * 1000, 1)
        return answer.model_copy(update={"took_ms": took_ms})


def _load(settings: ScorerSettings) -> _Loaded:
    """The scorer of `settings`, which has passed its self-test.

    Raises:
        BundleError: If a check of the bundle fails.
    """
    from functools import partial

    from parcelscope.pipelines.service.one_parcel import load_scorer, score_parcel
    from parcelscope.pipelines.service.self_test import require_sound, warm_up

    scorer = load_scorer(settings.bundle, settings.config, settings.step_wedges, settings.history)
    require_sound(settings.bundle, scorer.config)
    warm_up(scorer)
    return _Loaded(name=scorer.name, score_parcel=partial(score_parcel, scorer=scorer))
