"""How well altered packaging is told from genuine: AUROC by defect, on designs never seen.

Each design gets a reference from genuine photos; then other genuine photos and photos of altered
copies of it are compared with it. Differences are those of `configs/synth/hard.yaml`: just beyond
press tolerance. Nothing about the checks was set on these designs.

    python benchmarks/altered_packaging.py --designs 12

With `--weigh` it draws other designs instead, and prints what the weights of the checks and their
usual scales are set to: `WEIGHTS` and `USUAL_SCALE`.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import simplejpeg

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.defects import DEFECTS, Defect
from parcelscope.datasets.packaging.design import another_copy, genuine_design
from parcelscope.inference.authenticity import CHECKS
from parcelscope.inference.codes import read_codes
from parcelscope.inference.photo_authenticity import Comparison, compare, prepared
from parcelscope.inference.quality import assess_photo
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import ReferenceCard
from parcelscope.training.check_weights import fitted_weights
from parcelscope.training.photo_reference import build_reference
from parcelscope.training.reference_set import export_features

SEED = 1021
"""The unseen designs of the synthetic feed."""
WEIGH_SEED = 4077
"""Designs that the weights of the checks are set on."""
GENUINE = "genuine"


@dataclass
class Scores:
    """Scores by kind of photo; None where a photo was not comparable."""

    by_kind: dict[str, list[float | None]] = field(default_factory=dict)
    by_check: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    p_values: list[float] = field(default_factory=list)
    """Of genuine photos."""
    held_out: list[dict[str, float]] = field(default_factory=list)
    """By check, of the genuine photos that made the reference, each held out in turn."""
    scale: dict[str, float] = field(default_factory=dict)
    """By check: standard deviation of the logarithm of its score on those photos."""
    used: int = 0


def photo(
    seed: int, design: int, kind: int, number: int, defect: Defect | None = None
) -> np.ndarray:
    """One photo as the camera stores it, decoded."""
    rng = np.random.default_rng([seed, design, kind, number])
    copy = another_copy(rng, genuine_design(np.random.default_rng([seed, design])))
    defects = [] if defect is None else [defect]
    truth = package_photo(rng, copy, defects=defects, subtle=True)
    return np.asarray(simplejpeg.decode_jpeg(truth.jpeg))


def judged(features: Path, arguments: argparse.Namespace, design: int) -> Scores:
    """All photos of one design, from the work folder where it was judged before."""
    sizes = [arguments.references, arguments.genuine, arguments.altered]
    kind = "weigh" if arguments.weigh else "design"
    path: Path = arguments.work / f"{kind}_{design:02d}.json"
    if path.is_file():
        known = json.loads(path.read_text())
        if known.pop("sizes") == sizes:
            return Scores(**known)
    scores = judge(features, arguments, design)
    path.write_text(json.dumps({"sizes": sizes, **vars(scores)}))
    return scores


def judge(features: Path, arguments: argparse.Namespace, design: int) -> Scores:
    """All photos of one design."""
    cv2.setNumThreads(1)
    session = open_session(features)
    seed = WEIGH_SEED if arguments.weigh else SEED
    genuine = [photo(seed, design, 0, k) for k in range(arguments.references)]
    good = [one for one in genuine if assess_photo(one).verdict == "good"]
    built = build_reference(good, session)
    card = ReferenceCard(sku="1", file="1.npz", sha256="0" * 64, photos=len(built.used))
    reference = prepared(built.reference, card)
    held_out = built.reference.held_out.astype(float)
    scale = held_out.std(axis=0) * built.reference.check_scale
    scores = Scores(
        used=len(built.used),
        held_out=[dict(zip(CHECKS, row, strict=True)) for row in held_out.tolist()],
        scale=dict(zip(CHECKS, scale.tolist(), strict=True)),
    )
    kinds: list[tuple[str, int, Defect | None, int]] = [(GENUINE, 1, None, arguments.genuine)]
    kinds += [(name, 2 + k, name, arguments.altered) for k, name in enumerate(DEFECTS)]
    for name, kind, defect, count in kinds:
        for number in range(count):
            picture = photo(seed, design, kind, number, defect)
            found = None
            if assess_photo(picture).verdict == "good":
                found = compare(picture, reference, session, read_codes(picture))
            whole = found if isinstance(found, Comparison) else None
            scores.by_kind.setdefault(name, []).append(None if whole is None else whole.score)
            if whole is not None:
                scores.by_check.setdefault(name, []).append(whole.by_check)
                if name == GENUINE:
                    scores.p_values.append(whole.p_value)
    return scores


def auroc(genuine: np.ndarray, altered: np.ndarray) -> float:
    """Chance that an altered photo scores above a genuine one; ties count half."""
    above = (altered[:, None] > genuine[None]).mean()
    return float(above + 0.5 * (altered[:, None] == genuine[None]).mean())


def interval(
    designs: list[Scores], kinds: list[str], *, draws: int = 1000
) -> tuple[float, float, float]:
    """AUROC of `kinds` against genuine with its 95 % interval, designs drawn anew as wholes.

    Scores of all designs are held against one threshold, as a facility would.
    """
    genuine = [scored(one, [GENUINE]) for one in designs]
    altered = [scored(one, kinds) for one in designs]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        chosen = rng.integers(len(designs), size=len(designs))
        g, a = (np.concatenate([part[k] for k in chosen]) for part in (genuine, altered))
        found.append(auroc(rng.choice(g, len(g)), rng.choice(a, len(a))))
    middle = auroc(np.concatenate(genuine), np.concatenate(altered))
    low, high = np.quantile(found, [0.025, 0.975])
    return middle, float(low), float(high)


def scored(one: Scores, kinds: list[str]) -> np.ndarray:
    """The scores of the comparable photos of `kinds`."""
    values = [v for kind in kinds for v in one.by_kind.get(kind, []) if v is not None]
    return np.array(values, np.float64)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=12)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--genuine", type=int, default=20)
    parser.add_argument("--altered", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--weigh", action="store_true", help="set weights, on other designs")
    parser.add_argument("--work", type=Path, default=Path("altered_packaging"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    features = arguments.work / "features.onnx"
    if not features.is_file():
        export_features(features)
    numbers = range(arguments.first, arguments.first + arguments.designs)
    designs = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        run = partial(judged, features, arguments)
        for number, scores in zip(numbers, pool.map(run, numbers), strict=True):
            designs.append(scores)
            print(f"design {number}: reference of {scores.used} photos", flush=True)
    if arguments.weigh:
        print_weights(designs)
    else:
        print_table(designs, arguments)


def print_weights(designs: list[Scores]) -> None:
    """The weight of each check beyond each knot, and its usual scale."""

    def rows(found: list[dict[str, float]]) -> np.ndarray:
        return np.array([[one[name] for name in CHECKS] for one in found])

    genuine = [c for one in designs for c in (*one.held_out, *one.by_check.get(GENUINE, []))]
    altered = [c for one in designs for kind in DEFECTS for c in one.by_check.get(kind, [])]
    weights = fitted_weights(CHECKS, rows(genuine), rows(altered))
    scale = np.sqrt((rows([one.scale for one in designs]) ** 2).mean(axis=0))
    for name, usual in zip(CHECKS, scale, strict=True):
        both = ", ".join(f"{weight:.2f}" for weight in weights[name])
        print(f"{name:10} weights {both}  scale {usual:.2f}")


def print_table(designs: list[Scores], arguments: argparse.Namespace) -> None:
    """AUROC by defect with intervals, photos not compared, and p-values of genuine photos."""
    print(
        f"\n{len(designs)} designs (seed {SEED}), {arguments.references} reference and"
        f" {arguments.genuine} other genuine photos, {arguments.altered} of each defect each\n"
    )
    print("| difference | AUROC | 95 % interval | best single check | not compared |")
    print("|---|---|---|---|---|")
    genuine = [c for one in designs for c in one.by_check.get(GENUINE, [])]
    for title, kinds in [*((name, [name]) for name in DEFECTS), ("all nine", list(DEFECTS))]:
        middle, low, high = interval(designs, kinds)
        altered = [c for one in designs for kind in kinds for c in one.by_check.get(kind, [])]
        single = {
            check: auroc(
                np.array([c[check] for c in genuine]), np.array([c[check] for c in altered])
            )
            for check in genuine[0]
        }
        best = max(single, key=lambda name: single[name])
        photos = [v for one in designs for kind in kinds for v in one.by_kind[kind]]
        left_out = sum(v is None for v in photos)
        print(
            f"| {title} | {middle:.3f} | {low:.3f} to {high:.3f} | {best} {single[best]:.3f} |"
            f" {left_out} of {len(photos)} |"
        )
    p_values = np.array([p for one in designs for p in one.p_values])
    photos = [v for one in designs for v in one.by_kind[GENUINE]]
    print(
        f"\nGenuine photos: {sum(v is None for v in photos)} of {len(photos)} not compared;"
        f" p <= 0.05: {(p_values <= 0.05).mean():.1%}, p <= 0.10: {(p_values <= 0.1).mean():.1%},"
        f" p <= 0.20: {(p_values <= 0.2).mean():.1%}"
    )


if __name__ == "__main__":
    main()
