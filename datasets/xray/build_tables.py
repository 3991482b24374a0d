"""Builds `tables.npz`: tube spectra, detector response and attenuation of materials.

Run it as a script after changing a material or spectrum; it needs the `tables` extra (spekpy for
the tube spectra, xraylib for cross sections). The simulator itself reads only the result.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Composition = dict[str, float]
"""Share by mass of each compound, by formula. Shares sum to one."""

CELLULOSE = "C6H10O5"
# Composition and bulk density in g/cm3. Bulk, because a scene is built of outlines: a bag of flour
# is one solid of density 0.6, not grains and air.
MATERIALS: dict[str, tuple[Composition, float]] = {
    "air": ({"N2": 0.755, "O2": 0.245}, 0.0012),
    "cardboard": ({CELLULOSE: 0.93, "CaCO3": 0.07}, 0.16),
    "paper": ({CELLULOSE: 0.85, "CaCO3": 0.15}, 0.85),
    "currency_paper": ({CELLULOSE: 0.97, "TiO2": 0.03}, 0.88),
    "wood": ({CELLULOSE: 1.0}, 0.60),
    "tobacco": ({CELLULOSE: 0.83, "H2O": 0.12, "CaCO3": 0.02, "KCl": 0.03}, 0.26),
    "textile_cotton": ({CELLULOSE: 1.0}, 0.28),
    "textile_poly": ({"C10H8O4": 1.0}, 0.25),
    "cotton_wool": ({CELLULOSE: 1.0}, 0.06),
    "leather": ({CELLULOSE: 0.5, "C3H5NO": 0.5}, 0.86),
    "foam": ({"C3H8N2O": 1.0}, 0.03),
    "pe_foam": ({"C2H4": 1.0}, 0.03),
    "pe": ({"C2H4": 1.0}, 0.94),
    "pp": ({"C3H6": 1.0}, 0.90),
    "pet": ({"C10H8O4": 1.0}, 1.38),
    "abs": ({"C15H17N": 1.0}, 1.05),
    "pvc": ({"C2H3Cl": 1.0}, 1.38),
    "pmma": ({"C5H8O2": 1.0}, 1.18),
    "nylon": ({"C6H11NO": 1.0}, 1.14),
    "polymer_frame": ({"C6H11NO": 0.7, "SiO2": 0.2, "CaO": 0.1}, 1.36),
    "rubber": ({"C5H8": 0.8, "CaCO3": 0.2}, 1.15),
    "water": ({"H2O": 1.0}, 1.0),
    "ethanol": ({"C2H6O": 0.7, "H2O": 0.3}, 0.85),
    "oil": ({"C57H104O6": 1.0}, 0.91),
    "syrup": ({"C12H22O11": 0.6, "H2O": 0.4}, 1.28),
    "glycol": ({"C3H8O2": 0.5, "C3H8O3": 0.5}, 1.15),
    "sugar": ({"C12H22O11": 1.0}, 0.85),
    "flour": ({CELLULOSE: 1.0}, 0.60),
    "organic_powder": ({"C8H10N4O2": 1.0}, 0.55),
    "talc": ({"Mg3Si4O12H2": 1.0}, 0.90),
    "salt": ({"NaCl": 1.0}, 1.25),
    "tablet": ({"C12H22O11": 0.7, CELLULOSE: 0.2, "CaHPO4": 0.1}, 1.35),
    "glass": ({"SiO2": 0.73, "Na2O": 0.15, "CaO": 0.12}, 2.5),
    "ceramic": ({"Al2O3": 0.5, "SiO2": 0.5}, 2.4),
    "fr4": ({"SiO2": 0.55, "C21H25ClO5": 0.45}, 1.85),
    "silicon": ({"Si": 1.0}, 2.33),
    "liion": (
        {"LiCoO2": 0.42, "C": 0.20, "Cu": 0.11, "Al": 0.08, "C3H6O3": 0.15, "C2H4": 0.04},
        2.45,
    ),
    "nicad": ({"Ni2O3H2": 0.35, "Cd": 0.25, "Fe": 0.2, "H2O": 0.15, "KOH": 0.05}, 3.0),
    "alkaline": ({"MnO2": 0.5, "Zn": 0.25, "C": 0.05, "H2O": 0.15, "KOH": 0.05}, 2.9),
    "ferrite": ({"Fe2O3": 0.85, "SrO": 0.15}, 4.9),
    "al": ({"Al": 1.0}, 2.70),
    "ti": ({"Ti": 1.0}, 4.5),
    "zinc": ({"Zn": 0.955, "Al": 0.04, "Cu": 0.005}, 6.7),
    "steel": ({"Fe": 1.0}, 7.87),
    "brass": ({"Cu": 0.63, "Zn": 0.37}, 8.5),
    "copper": ({"Cu": 1.0}, 8.96),
    "solder": ({"Sn": 0.965, "Ag": 0.03, "Cu": 0.005}, 7.4),
    "silver": ({"Ag": 1.0}, 10.5),
    "gold": ({"Au": 1.0}, 19.3),
    "lead": ({"Pb": 1.0}, 11.35),
    "belt": ({"C2H3Cl": 0.5, "C10H8O4": 0.5}, 1.2),
}

# name: peak voltage in kV, anode angle in degrees, filters in mm.
SPECTRA: dict[str, tuple[float, float, dict[str, float]]] = {
    "120kv_al3": (120.0, 20.0, {"Al": 3.0}),
    "140kv_al2": (140.0, 20.0, {"Al": 2.0}),
    "140kv_al4cu02": (140.0, 15.0, {"Al": 4.0, "Cu": 0.2}),
    "160kv_al3": (160.0, 20.0, {"Al": 3.0}),
    "160kv_al2cu05": (160.0, 15.0, {"Al": 2.0, "Cu": 0.5}),
    "180kv_al3cu02": (180.0, 20.0, {"Al": 3.0, "Cu": 0.2}),
}

BIN_KEV = 2.0
ENERGY_KEV: Array = np.arange(13.0, 181.0, BIN_KEV)
"""Bin centres. Below 12 keV nothing gets through 0.8 m of air and the tube filter."""


def mass_attenuation(composition: Composition) -> Array:
    """Total mass attenuation in cm2/g at each of `ENERGY_KEV`."""
    import xraylib

    return np.array(
        [
            sum(share * xraylib.CS_Total_CP(f, float(e)) for f, share in composition.items())
            for e in ENERGY_KEV
        ]
    )


def fluence(kilovolts: float, anode_deg: float, filters_mm: dict[str, float]) -> Array:
    """Photons per mm2, per mAs and per energy bin, 1 m from the focal spot."""
    import spekpy

    tube = spekpy.Spek(kvp=kilovolts, th=anode_deg, dk=BIN_KEV / 4)
    for element, thickness in filters_mm.items():
        tube.filter(element, thickness)
    tube.filter("Air", 800.0)
    energy, per_kev = tube.get_spectrum(edges=False)  # per cm2 and keV
    bins = np.floor((energy - (ENERGY_KEV[0] - BIN_KEV / 2)) / BIN_KEV).astype(int)
    inside = (bins >= 0) & (bins < len(ENERGY_KEV))
    total = np.bincount(bins[inside], weights=per_kev[inside], minlength=len(ENERGY_KEV))
    return np.asarray(total * (BIN_KEV / 4) / 100.0)


def absorption() -> tuple[Array, Array]:
    """Share of photons that the low- and the high-energy layer absorb, per energy.

    A sandwich of 0.3 mm Gd2O2S at 60 % packing, 0.6 mm copper and 4 mm CsI, as line scanners
    commonly use.
    """
    screen = mass_attenuation({"Gd2O2S": 1.0}) * 7.34 * 0.6 * 0.030
    copper = mass_attenuation({"Cu": 1.0}) * 8.96 * 0.06
    crystal = mass_attenuation({"CsI": 1.0}) * 4.51 * 0.40
    return 1 - np.exp(-screen), np.exp(-screen - copper) * (1 - np.exp(-crystal))


def build() -> dict[str, npt.NDArray[np.generic]]:
    """All tables by name, as `tables.npz` holds them."""
    import xraylib

    low, high = absorption()
    density = np.array([rho for _, rho in MATERIALS.values()])
    mass = np.array([mass_attenuation(composition) for composition, _ in MATERIALS.values()])
    elements = np.arange(5, 51)
    return {
        "energy_kev": ENERGY_KEV.astype(np.float32),
        "spectra": np.array(list(SPECTRA)),
        "fluence": np.array([fluence(*tube) for tube in SPECTRA.values()], np.float32),
        "absorbed_low": low.astype(np.float32),
        "absorbed_high": high.astype(np.float32),
        "materials": np.array(list(MATERIALS)),
        "density": density.astype(np.float32),
        "mu_per_mm": (mass * density[:, None] / 10.0).astype(np.float32),
        "elements": elements.astype(np.int16),
        "element_cm2_per_g": np.array(
            [[xraylib.CS_Total(int(z), float(e)) for e in ENERGY_KEV] for z in elements],
            np.float32,
        ),
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("tables.npz")
    np.savez_compressed(target, allow_pickle=False, **build())
    print(f"{target.name}: {target.stat().st_size} bytes")
