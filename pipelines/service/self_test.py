"""Whether a bundle may score here: its checks, and one made-up parcel from end to end."""

import io
from pathlib import Path
from typing import Final

from PIL import Image

from parcelscope.datasets.errors import BundleError
from parcelscope.inference.verification import verify_bundle
from parcelscope.pipelines.service.one_parcel import Scorer, score_parcel
from parcelscope.pipelines.service.parcel import ParcelRequest
from parcelscope.screening.config import ScreeningConfig

SIZE_PX: Final = 256


def require_sound(folder: Path, config: ScreeningConfig) -> None:
    """Refuse a bundle that fails a check, golden tensors among them.

    Too few scans to calibrate on is a matter for whoever promotes a bundle, not a fault of it.

    Raises:
        BundleError: Naming the first check that failed.
    """
    checks = verify_bundle(
        folder, max_alarm_share=config.anomaly.max_p_value, public_key=config.bundle_public_key
    )
    for check in checks:
        if check.passed is False and check.name != "calibration":
            raise BundleError(f"{folder}: {check.subject}, {check.name}: {check.said}")


def warm_up(scorer: Scorer) -> None:
    """Score one made-up parcel, so that the first real one finds everything loaded.

    Raises:
        BundleError: If even that one could not be assessed.
    """
    picture = io.BytesIO()
    image = Image.new("RGB", (SIZE_PX, SIZE_PX), "white")
    image.paste("orange", (SIZE_PX // 4, SIZE_PX // 4, SIZE_PX // 2, SIZE_PX // 2))
    image.save(picture, "PNG")
    files = {"scan.png": picture.getvalue(), "photo.png": picture.getvalue()}
    answer = score_parcel(
        ParcelRequest(
            parcel={"parcel_id": "warm-up"},
            images=[
                {"owner_id": "warm-up", "kind": "scan", "energy": "colour", "path": "scan.png"},
                {"owner_id": "warm-up", "kind": "photo", "view": "label", "path": "photo.png"},
            ],
            files=files,
        ),
        scorer,
    )
    failed = [image for image in answer.images if image.verdict != "assessed"]
    if failed:
        raise BundleError(f"self-test: {failed[0].path}: {failed[0].message}")
