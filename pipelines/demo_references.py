"""The genuine references that the demo compares photos with, from generated photos alone.

    python -m parcelscope.pipelines.demo_references OUT

They ship with the package, since making them takes torch and a minute; the demo takes neither.
"""

import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.reference_files import REFERENCES_FOLDER, write_references
from parcelscope.datasets.synthetic.site import FeedSite
from parcelscope.models.bundle import Bundle, PhotoReferences, load_bundle
from parcelscope.models.reference_part import read_reference_part, write_with_references

SKUS = ("4004339043666", "8708198205055")
"""Two of the demo's feed that parcels with altered packaging name, of 1.6 MB each."""
PHOTOS = 22
"""Of each; with fewer than 20 that can be used a difference is no reason."""
SEED = 7


def demo_references_folder() -> Path:
    """Where they are in the package."""
    return Path(str(resources.files("parcelscope.models.demo_references")))


def bundle_with_references(base: Path, out: Path) -> Bundle:
    """Write to `out` the bundle in `base` with the demo's references.

    Raises:
        BundleError: If a file of either was altered, or `out` is in use.
    """
    folder = demo_references_folder()
    section = read_reference_part(folder)
    if section is None:
        raise FileNotFoundError(f"{folder}: expected the demo's references, found none")
    bundle, _ = load_bundle(base)
    bundle = bundle.model_copy(update={"version": f"{bundle.version.split('+')[0]}+demo"})
    write_with_references(bundle, base, section, folder, out)
    return bundle


def make_demo_references(out: Path, *, photos: int = PHOTOS) -> PhotoReferences:
    """Draw genuine photos of `SKUS` and write their references to `out`, replacing older ones."""
    from parcelscope.training.reference_set import build_references

    config = load_synth_config(None).model_copy(update={"reference_photos": photos})
    with tempfile.TemporaryDirectory(prefix="parcelscope-demo-") as scratch:
        write_references(FeedSite(folder=Path(scratch), seed=SEED, config=config), SKUS)
        made = Path(scratch) / "made"
        section = build_references(
            Path(scratch) / REFERENCES_FOLDER,
            made,
            told=lambda report: print("\n".join(report.lines), flush=True),
        )
        out.mkdir(parents=True, exist_ok=True)
        for old in (*out.glob("*.npz"), *out.glob("*.onnx"), *out.glob("*.json")):
            old.unlink()
        for file in made.iterdir():
            shutil.copyfile(file, out / file.name)
    return section


if __name__ == "__main__":
    make_demo_references(Path(sys.argv[1]))
