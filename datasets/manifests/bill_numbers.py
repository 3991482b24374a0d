"""Air waybill numbers in one form, so that messages of one master bill meet."""

import re

from parcelscope.datasets.identifiers import identify
from parcelscope.datasets.manifests.entries import Value, text_value


def bill_number(value: Value | None) -> Value | None:
    """An air waybill number as `176-12345675`, right or wrong; others stay as they are."""
    if value is None:
        return None
    digits = identify(value.text, hint="awb").value
    if not re.fullmatch(r"[0-9]{11}", digits):
        return value
    plain = f"{digits[:3]}-{digits[3:]}"
    written = value.text if value.text != plain else None
    return text_value(plain, value.origins[0].path, as_written=written)
