"""`parcelscope bundle promote`: a challenger takes the champion's place, on evidence and on record.

The target is a link into a folder of bundles beside it, named by digest. Changing a link is one
step, so whoever loads the target gets the old champion or the new one, whenever a promotion dies.
"""

import getpass
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.inference.verification import verify_bundle
from parcelscope.models.bundle import CARD, Bundle, load_bundle, read_card
from parcelscope.models.bundle_writing import copy_synced, named_files
from parcelscope.models.signature import SIGNATURE, load_trusted_bundle
from parcelscope.pipelines.bundle_compare import Difference, Evidence, metric_words, read_evidence
from parcelscope.pipelines.link_swap import swap_link, sync_names
from parcelscope.pipelines.promotion_log import (
    Promotion,
    append_promotion,
    locked_log,
    log_path,
    read_promotions,
)
from parcelscope.pipelines.run_folder import BundleName

MIN_CASES: Final = 10
"""Fewer violative or compliant owners and the bootstrap says too little about its own spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A promotion that took place."""

    target: Path
    challenger: BundleName
    log: Path
    refusal: str | None
    """What would have refused it, had it not been forced."""

    def lines(self) -> Iterator[str]:
        """What was done, in words."""
        name = f"{self.challenger.name} {self.challenger.version}"
        yield f"{self.target}: {name} is the champion, digest {self.challenger.digest[:12]}…"
        if self.refusal is not None:
            yield f"forced although {self.refusal}"
        yield f"recorded in {self.log}"


def promote(
    challenger_folder: Path,
    *,
    over: Path,
    evidence_path: Path,
    target: Path,
    max_alarm_share: float,
    force: bool = False,
    reason: str | None = None,
    by: str | None = None,
    public_key: str | None = None,
) -> Promoted:
    """Put the challenger where the champion was, if the evidence says that it is better.

    Args:
        challenger_folder: The bundle that is to score from now on.
        over: The champion.
        evidence_path: What `bundle compare` wrote of the two.
        target: Link that screening reads; it leads to the champion, or is not there yet.
        max_alarm_share: As `verify_bundle` takes it.
        force: Promote without evidence of being better; needs a `reason`.
        reason: Why; recorded.
        by: Who decided; the user of this process if None.
        public_key: As `load_trusted_bundle` takes it.

    Raises:
        BundleError: If the challenger fails a check, is not better, or the evidence or the target
            is of other bundles.
        ConfigError: If it is forced without a reason.
    """
    _require_reason(force, reason)
    evidence = _evidence_on(over, challenger_folder, evidence_path, public_key)
    _require_sound(challenger_folder, max_alarm_share, public_key)
    refusal = _refusal(evidence, force=force)
    decision = _decision(evidence, evidence_path, refusal, by=by, reason=reason)
    return _carry_out(decision, challenger_folder, target, refusal)


def why_not_better(evidence: Evidence) -> str | None:
    """Why the evidence does not show that the challenger is better; None where it does."""
    agreed = evidence.agreed()
    words = metric_words(evidence.agreed_metric)
    if agreed is None and evidence.truth is not None:
        return f"{evidence.truth} has outcomes of other owners than {words} is about"
    if agreed is None:
        return (
            f"the evidence has no truth, so nothing says which is better at {words};"
            " compare again with --truth"
        )
    if agreed.positives < MIN_CASES or agreed.negatives < MIN_CASES:
        return (
            f"{words} rests on {agreed.positives} violative and {agreed.negatives} compliant ones,"
            f" expected at least {MIN_CASES} of each"
        )
    if agreed.difference is None or agreed.low is None or agreed.high is None:
        return f"{words} cannot be compared"
    if agreed.low > 0:
        return None
    return (
        f"the challenger is not better than the champion by more than the confidence interval: "
        f"{words} {_span(agreed)}"
    )


def store_of(target: Path) -> Path:
    """Folder of the bundles that `target` has led to."""
    return target.with_name(f"{target.name}.bundles")


def _require_reason(force: bool, reason: str | None) -> None:
    if force and not (reason or "").strip():
        raise ConfigError("--force needs --reason TEXT: the log must say why")


def _evidence_on(
    over: Path, challenger_folder: Path, path: Path, public_key: str | None
) -> Evidence:
    """The evidence in `path`, which must be on these two bundles."""
    evidence = read_evidence(path)
    challenger = _name(*load_trusted_bundle(challenger_folder, public_key=public_key))
    champion = _name(*read_card(over))
    for role, said, have in (
        ("champion", evidence.champion, champion),
        ("challenger", evidence.challenger, challenger),
    ):
        if said.digest != have.digest:
            raise BundleError(
                f"{path}: expected evidence on the {role} with digest {have.digest[:12]}…, got one"
                f" on {said.name} {said.version} with digest {said.digest[:12]}…"
            )
    # The log names them as they name themselves.
    return evidence.model_copy(update={"champion": champion, "challenger": challenger})


def _require_sound(folder: Path, max_alarm_share: float, public_key: str | None) -> None:
    """Refuse a bundle that fails a check of `bundle verify`."""
    checks = verify_bundle(folder, max_alarm_share=max_alarm_share, public_key=public_key)
    failed = [check for check in checks if check.passed is False]
    if failed:
        raise BundleError(
            f"{folder}: {len(failed)} checks of `bundle verify` fail, the first being"
            f" {failed[0].subject}, {failed[0].name}: {failed[0].said}"
        )


def _refusal(evidence: Evidence, *, force: bool) -> str | None:
    """What speaks against the challenger, which only `force` overrides; None where nothing does."""
    refusal = why_not_better(evidence)
    if refusal is not None and not force:
        raise BundleError(f"{refusal}; to promote it all the same, use --force --reason TEXT")
    return refusal


def _decision(
    evidence: Evidence, path: Path, refusal: str | None, *, by: str | None, reason: str | None
) -> Promotion:
    agreed = evidence.agreed()
    return Promotion(
        event="decided",
        at=_now(),
        by=by or getpass.getuser(),
        champion=evidence.champion,
        challenger=evidence.challenger,
        metric=evidence.agreed_metric,
        difference=agreed.difference if agreed else None,
        low=agreed.low if agreed else None,
        high=agreed.high if agreed else None,
        evidence_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        forced=refusal is not None,
        reason=reason,
    )


def _carry_out(
    decision: Promotion, challenger_folder: Path, target: Path, refusal: str | None
) -> Promoted:
    """Copy, record, swap, record: dying between any two of them leaves a champion in place."""
    # The name, not what it leads to: the link itself is what gets swapped.
    target = target.parent.resolve() / target.name
    log = log_path(target)
    with locked_log(log):
        _settle(log, target)
        _require_champion(target, decision.champion)
        stored = _store(challenger_folder, decision.challenger, store_of(target))
        append_promotion(log, decision)
        swap_link(target, stored)
        append_promotion(log, decision.model_copy(update={"event": "swapped", "at": _now()}))
    return Promoted(target=target, challenger=decision.challenger, log=log, refusal=refusal)


def _settle(log: Path, target: Path) -> None:
    """Write down what became of a promotion that was cut off."""
    promotions = read_promotions(log)
    if not promotions or promotions[-1].event != "decided":
        return
    last = promotions[-1]
    there = _digest_of(target)
    event = "swapped" if there == last.challenger.digest else "not swapped"
    append_promotion(log, last.model_copy(update={"event": event, "at": _now()}))


def _require_champion(target: Path, champion: BundleName) -> None:
    there = _digest_of(target)
    if there is not None and there != champion.digest:
        raise BundleError(
            f"{target}: expected the champion with digest {champion.digest[:12]}…, got"
            f" {there[:12]}…; compare with the bundle that is there now"
        )


def _digest_of(target: Path) -> str | None:
    """Digest of the bundle that `target` leads to, None where there is nothing."""
    if not target.exists() and not target.is_symlink():
        return None
    return read_card(target)[1]


def _store(folder: Path, name: BundleName, store: Path) -> Path:
    """The bundle in `folder` as a folder of `store`, copied whole or not at all."""
    stored = store / name.digest[:16]
    if stored.is_dir():
        load_bundle(stored)
    bundle, _ = read_card(folder)
    staging = store / f".{name.digest[:16]}.{secrets.token_hex(4)}.part"
    staging.mkdir(parents=True)
    try:
        for file in [*named_files(bundle), CARD, SIGNATURE]:
            if (folder / file).exists():
                copy_synced(folder / file, staging / file)
        _require_digest(staging, name)
        if stored.is_dir():
            # It was promoted before: its files are the same, but it may have been signed since.
            if (staging / SIGNATURE).exists():
                (staging / SIGNATURE).replace(stored / SIGNATURE)
        else:
            staging.rename(stored)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    sync_names(store)
    return stored


def _require_digest(folder: Path, name: BundleName) -> None:
    _, digest = load_bundle(folder)
    if digest != name.digest:
        raise BundleError(f"{folder}: the bundle changed while it was copied; promote again")


def _name(bundle: Bundle, digest: str) -> BundleName:
    return BundleName(name=bundle.name, version=bundle.version, digest=digest)


def _span(agreed: Difference) -> str:
    return (
        f"{agreed.champion:.3f} -> {agreed.challenger:.3f}, difference {agreed.difference:+.3f},"
        f" 95 % interval {agreed.low:+.3f} to {agreed.high:+.3f}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
