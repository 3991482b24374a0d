"""What each check is called before an analyst. The codes stay, as they are what is counted."""

from typing import Final

CHECK_WORDS: Final[dict[str, str]] = {
    "xray.items": "shapes in the X-ray",
    "xray.anomaly": "X-ray unlike compliant ones",
    "xray.pieces": "pieces counted in the X-ray",
    "xray.mass": "mass from the X-ray",
    "photo.quality": "photo good enough",
    "photo.codes": "codes in the photos",
    "photo.authenticity": "packaging against the genuine reference",
    "anomaly.scan": "X-ray unlike compliant ones",
    "U1.count": "pieces in the X-ray against the manifest",
    "U1.leaning": "pieces within the uncertainty of the count",
    "U2.pieces": "parcel rows against the carton's pieces",
    "U2.weight": "parcel rows against the carton's weight",
    "U3.mass": "X-ray mass against the declared weight",
    "U3.xray_scale": "X-ray mass against the scale",
    "U3.scale": "scale against the declared weight",
    "U3.leaning": "scale slightly above the declared weight",
    "U4.label": "codes in photos that the manifest does not list",
    "ID.check": "check digits",
    "U6.reuse": "tracking number used twice",
    "U6.entries": "several entries for one tracking number",
    "U8.description": "vague description",
    "U8.value": "value per kilogram",
    "xray.contents": "contents in the X-ray",
    "manifest.profile": "the manifest row by itself",
    "contents.contradicts": "contents in the X-ray against the declared goods",
}
"""Name by code; an item's code (`item.knife`) names itself."""


def check_words(code: str) -> str:
    """`code` in words, as it is where no words are known."""
    if code.startswith("item."):
        return f"shape like {code.removeprefix('item.').replace('_', ' ')}"
    return CHECK_WORDS.get(code, code)


def named(code: str) -> str:
    """Words and code: `check digits (ID.check)`."""
    words = check_words(code)
    return words if words == code or code.startswith("item.") else f"{words} ({code})"
