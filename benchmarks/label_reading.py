"""What reading labels as text finds beyond codes, what it makes up, and what it costs.

    python benchmarks/label_reading.py [FOLDER] [--drawn 40] [--found-px 960] [--only TEXT] [--show]

Draws photos of labels, 1280 x 960 pixels, whose numbers and addresses are known. FOLDER adds real
photos: of codes, each with its text beside it (`name.txt`, UTF-8), and any others, which must hold
no identifier. Needs the extra `ocr`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image as PilImage

from parcelscope.datasets.identifiers import identify, make_awb, make_s10, make_sscc
from parcelscope.datasets.label_addresses import label_addresses, name_words
from parcelscope.datasets.label_identifiers import label_identifiers
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.label import DEGRADATIONS, Degradation, label_photo
from parcelscope.datasets.synthetic.parties import consignee, shipper
from parcelscope.inference.codes import luma_of, read_codes
from parcelscope.inference.label_reading import FOUND_PX, read_text, require_reader

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One photo, the identifiers on it, and whom it is for."""

    name: str
    luma: Picture
    numbers: frozenset[str]
    """As they are compared; empty where there is none, or none whose truth is known."""
    addressee: tuple[str, str] | None = None
    """Words of the name, and postcode."""


@dataclass(slots=True)
class Tally:
    """Counts over a group of photos."""

    photos: int = 0
    numbers: int = 0
    by_code: int = 0
    missed: int = 0
    by_text: int = 0
    repaired: int = 0
    false: list[str] = field(default_factory=list)
    addressees: int = 0
    addressees_read: int = 0
    codes_s: float = 0.0
    text_s: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="real photos")
    parser.add_argument("--drawn", type=int, default=40, help="photos of each kind to draw")
    parser.add_argument("--found-px", type=int, default=FOUND_PX, help="where lines are found")
    parser.add_argument("--only", default="", help="groups whose name holds this text")
    parser.add_argument("--show", action="store_true", help="print each false identifier")
    wanted = parser.parse_args()
    if wanted.folder is not None and not wanted.folder.is_dir():
        parser.error(f"{wanted.folder} is no folder")
    require_reader()
    cv2.setNumThreads(1)
    groups: dict[str, Callable[[], Iterator[Sample]]] = {
        "drawn, good light": lambda: _labels(wanted.drawn, None),
        **{f"drawn, {how}": (lambda how=how: _labels(wanted.drawn, how)) for how in DEGRADATIONS},
        "drawn, no code": lambda: _labels(wanted.drawn, None, coded=False),
    }
    if wanted.folder is not None:
        groups["real, EAN and UPC"] = lambda: _real(wanted.folder, retail=True)
        groups["real, others"] = lambda: _real(wanted.folder, retail=False)
    read_text(np.zeros((64, 64), np.uint8), found_px=wanted.found_px)  # loads the networks
    print(f"{'photos':22}{'':>5}{'numbers':>8}{'by code':>8}{'of the rest, as text':>22}"
          f"{'false':>6}{'addressees':>12}{'ms codes':>9}{'ms text':>8}")  # fmt: skip
    total = Tally()
    for name, drawn in groups.items():
        if wanted.only not in name:
            continue
        tally = _tally(drawn(), wanted.found_px)
        addressees = f"{tally.addressees_read}/{tally.addressees}" if tally.addressees else ""
        print(f"{name:22}{tally.photos:>5}{tally.numbers:>8}{tally.by_code:>8}"
              f"{f'{tally.by_text}/{tally.missed}':>22}{len(tally.false):>6}{addressees:>12}"
              f"{1e3 * tally.codes_s / max(tally.photos, 1):>9.0f}"
              f"{1e3 * tally.text_s / max(tally.photos, 1):>8.0f}", flush=True)  # fmt: skip
        if wanted.show:
            for one in tally.false:
                print(f"    {one}")
        total.photos += tally.photos
        total.missed += tally.missed
        total.by_text += tally.by_text
        total.repaired += tally.repaired
        total.false += tally.false
        total.text_s += tally.text_s
    print(
        f"\n{total.by_text / max(total.missed, 1):.0%} of {total.missed} numbers that no code gave"
        f" were read as text; {1e3 * len(total.false) / max(total.photos, 1):.1f} false ones per"
        f" 1,000 photos; {total.repaired} of those read had a letter taken for a digit;"
        f" {1e3 * total.text_s / max(total.photos, 1):.0f} ms CPU a photo"
    )


def _tally(samples: Iterator[Sample], found_px: int) -> Tally:
    tally = Tally()
    for sample in samples:
        tally.photos += 1
        start_s = time.process_time()
        coded = {_compared(c.text) for c in read_codes(sample.luma) if c.symbology_ok}
        middle_s = time.process_time()
        lines = read_text(sample.luma, found_px=found_px)
        read = [one for one in label_identifiers(lines) if one.kind != "unknown"]
        addresses = [block.address for block in label_addresses(lines)]
        tally.codes_s += middle_s - start_s
        tally.text_s += time.process_time() - middle_s
        values = {_compared(one.value) for one in read}
        missed = sample.numbers - coded
        tally.numbers += len(sample.numbers)
        tally.by_code += len(sample.numbers & coded)
        tally.missed += len(missed)
        tally.by_text += len(missed & values)
        tally.repaired += sum(one.is_repaired for one in read)
        # What a code says, too, is printed there, whether or not its truth was written down.
        tally.false += [
            f"{sample.name}: {one.kind} {one.value} of {one.raw!r}, {one.line.confidence:.2f}"
            for one in read
            if _compared(one.value) not in sample.numbers | coded
        ]
        if sample.addressee is not None:
            tally.addressees += 1
            tally.addressees_read += sample.addressee in {
                (one.name or "", one.postcode or "") for one in addresses
            }
    return tally


def _labels(count: int, degrade: Degradation | None, *, coded: bool = True) -> Iterator[Sample]:
    """Labels with an S10 number, half of them with an SSCC or an air waybill, too."""
    for seed in range(count):
        rng = np.random.default_rng([4000, seed])
        digits = "".join(str(d) for d in rng.integers(0, 10, 17))
        service = str(rng.choice(["RR", "LP", "CP", "EE", "UA"]))
        numbers = [make_s10(service, digits[:8], str(rng.choice(["CN", "GB", "DE", "HK"])))]
        if seed % 4 == 1:
            numbers.append(make_sscc(digits))
        if seed % 4 == 3:
            numbers.append(make_awb("176", digits[:7]))
        sender, buyer = shipper(rng, str(rng.choice(["CN", "DE", "GB"]))), consignee(rng)
        lines = [
            sender.name, sender.address, f"{sender.city} {sender.country}", "",
            buyer.name, buyer.address, f"{buyer.city} {buyer.postcode}", buyer.country, "",
            "cotton socks", "320 g   12.5 USD",
        ]  # fmt: skip
        codes = [LabelCode("Code128", number) for number in numbers] if coded else []
        printed = lines if coded else [*lines, *numbers]
        photo = label_photo(rng, codes=codes, lines=printed, degrade=degrade)
        yield Sample(
            name=f"label {seed}",
            luma=luma_of(simplejpeg.decode_jpeg(photo.jpeg)),
            numbers=frozenset(_compared(number) for number in numbers),
            addressee=(name_words(buyer.name), buyer.postcode or ""),
        )


def _real(folder: Path, *, retail: bool) -> Iterator[Sample]:
    """Photos of EAN and UPC codes, whose digits stand below the bars; or all others."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES:
            continue
        name = str(path.relative_to(folder))
        text = path.with_suffix(".txt")
        truth = text.read_text(encoding="utf-8").strip() if text.exists() else ""
        identifier = identify(truth)
        is_retail = identifier.valid and identifier.kind.startswith("gtin")
        if is_retail == retail:
            numbers = frozenset([_compared(truth)] if identifier.valid else [])
            luma = luma_of(np.array(PilImage.open(path).convert("RGB")))
            yield Sample(name=name, luma=luma, numbers=numbers)


def _compared(text: str) -> str:
    """Letters and digits; trade items with leading zeros, as UPC and EAN write one number."""
    bare = "".join(c for c in text.upper() if c.isalnum())
    return bare.zfill(14) if bare.isdigit() and len(bare) < 14 else bare


if __name__ == "__main__":
    main()
