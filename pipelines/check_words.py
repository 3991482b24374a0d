"""What each check is called before an analyst. The codes stay, as they are what is counted."""

from typing import Final

CHECK_WORDS: Final[dict[str, str]] = {
    "xray.items": "shapes in the X-ray",
    "xray.anomaly": "X-ray unlike compliant ones",
    "xray.pieces": "pieces counted in the X-ray",
    "xray.mass": "mass from the X-ray",
    "photo.quality": "photo good enough",
    "photo.codes": "codes in the photos",
    "photo.text": "text on labels",
    "photo.authenticity": "packaging against the genuine reference",
    "anomaly.scan": "X-ray unlike compliant ones",
    "U1.count": "pieces in the X-ray against the manifest",
    "U1.leaning": "pieces within the uncertainty of the count",
    "U2.pieces": "parcel rows against the carton's pieces",
    "U2.weight": "parcel rows against the carton's weight",
    "U2.packaging": "carton's weight beyond its parcel rows",
    "U3.mass": "X-ray mass against the declared weight",
    "U3.xray_scale": "X-ray mass against the scale",
    "U3.scale": "scale against the declared weight",
    "U3.leaning": "scale slightly above the declared weight",
    "U4.label": "codes in photos that the manifest does not list",
    "U4.text": "numbers read as text that the manifest does not list",
    "U5.labels": "two labels of one kind on a parcel",
    "U5.addresses": "two addressees on a parcel",
    "U5.consignee": "address on the parcel against the declared consignee",
    "ID.check": "check digits",
    "U6.reuse": "tracking number used twice",
    "U6.entries": "several entries for one tracking number",
    "U6.seal": "seal on another carton too",
    "U7.entry": "carrier's number without an entry",
    "U7.number": "entry without a carrier's number",
    "U11.outlier": "scan against those of its group",
    "U12.loaded": "contents where none were declared",
    "U12.empty": "next to nothing where goods were declared",
    "U14.origin": "scan on arrival against the one at origin",
    "U14.count": "pieces on arrival against those at origin",
    "U13.count": "receptacle's number within its despatch",
    "U13.weight": "items against the receptacle's weight",
    "U13.class": "item's service against the receptacle's class",
    "U15.missing": "carton without a seal",
    "U15.mixed": "parcels tagged for another receptacle",
    "U17.entity": "names like entries of a watch list",
    "U8.description": "vague description",
    "U8.value": "value per kilogram",
    "U9.day": "values of one consignee and day",
    "U9.address": "consignee's address",
    "U10.names": "names at one address",
    "U10.addresses": "addresses of one name",
    "U10.cluster": "consignees joined by addresses and names",
    "U10.split": "one line to many consignees",
    "P.entry": "value and channel against the policy of the day",
    "P.elements": "elements that the policy of the day requires",
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
