"""Mass from one energy: the models of a bundle, and what they say of one scan."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from parcelscope.datasets.errors import BundleError
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Energy, Scan
from parcelscope.inference.one_energy import Columns, Shadow, shadow_of
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import Bundle
from parcelscope.models.mass_model import RANGED, MassInput, MassModel

MASS_INPUT: Final = "columns"
MASS_OUTPUT: Final = "log_g_per_cm2"
_RANGE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "log_absorption_cm2": ("shows less in all", "shows more in all"),
    "log_area_cm2": ("covers less", "covers more"),
    "log_depth": ("lets more through", "lets less through"),
    "opaque_share": ("lets more through", "lets nothing through in more of it"),
    "unevenness_coarse": ("is more even", "is more uneven"),
    "log_pitch_mm": ("has finer pixels", "has coarser pixels"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEnergyMass:
    """Mass of what a scan of one energy shows, with its band."""

    grams: float
    low: float
    high: float
    coverage: float
    """Share of weights that lie in the band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedMassModel:
    """One model, ready to answer."""

    card: MassModel
    session: ort.InferenceSession


@dataclass(frozen=True, slots=True, kw_only=True)
class MassModels:
    """The models of a bundle by what they weigh by."""

    by_input: Mapping[MassInput, LoadedMassModel]

    def weigh(
        self, scan: Scan, energy: Energy | None, kind: OwnerKind, scanner: tuple[str | None, ...]
    ) -> OneEnergyMass | str:
        """The mass of what `scan` shows, or one sentence why it is not known.

        Args:
            scan: With one energy alone, or a rendering.
            energy: What the images table says the pixels hold.
            kind: Whether it shows a parcel or a carton.
            scanner: Model, and software version.
        """
        wanted = input_of(scan, energy)
        model = self.by_input.get(wanted)
        if model is None:
            return f"the bundle has no model of mass for scans of kind {wanted}"
        name, software = scanner
        band = None if name is None else model.card.band(kind, name, software)
        if band is None:
            return f"the model of mass has no band for {kind}s on {scanner_words(name, software)}"
        shadow = shadow_of(scan, wanted)
        if isinstance(shadow, str):
            return shadow
        beyond = out_of_range(model.card, shadow.columns)
        if beyond is not None:
            return beyond
        middle, low, high = band.grams(estimate_g(model.session, shadow))
        return OneEnergyMass(grams=middle, low=low, high=high, coverage=band.coverage)


def scanner_words(name: str | None, software: str | None) -> str:
    """A scanner as the images table names it, in words."""
    if name is None:
        return "scanners that the feed does not name"
    return f"scanner {name}, software {software or 'not named'}"


def input_of(scan: Scan, energy: Energy | None) -> MassInput:
    """Which model weighs by the pixels of a `scan` that has not both energies."""
    if scan.kind == "colour":
        return "colour"
    if scan.kind == "grey8":
        return "grey8"
    if scan.high is not None:
        return "high"
    # The energy of counts without a name lies among the low ones in a scan.
    return "low" if energy == "low" else "grey16"


def out_of_range(card: MassModel, columns: Columns) -> str | None:
    """One sentence where `columns` lie outside what the model was fitted on; None inside."""
    by_name = dict(zip(card.columns, columns.tolist(), strict=True))
    for name in RANGED:
        least, most = card.ranges[name]
        if not least <= by_name[name] <= most:
            words = _RANGE_WORDS[name][int(by_name[name] > most)]
            return f"outside what the model of mass was fitted on: the scan {words}"
    return None


def estimate_g(session: ort.InferenceSession, shadow: Shadow) -> float:
    """Grams by the model alone, before the band of a scanner shifts them."""
    (log_ratio,) = log_g_per_cm2(session, shadow.columns[None])
    return float(shadow.absorption_cm2 * np.exp(log_ratio))


def log_g_per_cm2(
    session: ort.InferenceSession, columns: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """(N,) logarithm of grams per cm2 of attenuation for `columns` (N, D)."""
    (answer,) = session.run([MASS_OUTPUT], {MASS_INPUT: columns})
    values: npt.NDArray[np.float64] = answer[:, 0].astype(np.float64)
    return values


def load_mass_models(bundle: Bundle, folder: Path) -> MassModels | None:
    """The models of mass of `bundle`, whose files lie in `folder`; None where it has none.

    They stay on the CPU: a row of numbers is not worth a trip to another device.

    Raises:
        BundleError: If a file is no model, or has not the input and output of its card.
    """
    if not bundle.mass:
        return None
    return MassModels(
        by_input=MappingProxyType(
            {
                card.input: LoadedMassModel(card=card, session=open_mass(folder / card.file, card))
                for card in bundle.mass
            }
        )
    )


def open_mass(path: Path, card: MassModel) -> ort.InferenceSession:
    """The graph at `path` as a session.

    Raises:
        BundleError: If it is no model, or has not the input and output of its card.
    """
    session = open_session(path, threads=1)
    expected = [(MASS_INPUT, "tensor(float)", [len(card.columns)])]
    inputs = [(tensor.name, tensor.type, tensor.shape[1:]) for tensor in session.get_inputs()]
    outputs = {tensor.name for tensor in session.get_outputs()}
    if inputs != expected or MASS_OUTPUT not in outputs:
        raise BundleError(
            f"{path}: expected a model of mass with the input {expected} and the output"
            f" {MASS_OUTPUT!r}, got {inputs} and {sorted(outputs)}"
        )
    return session
