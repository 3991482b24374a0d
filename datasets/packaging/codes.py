"""Bar patterns of linear and two-dimensional codes, one pixel a module, as a printer draws them."""

from dataclasses import dataclass

import numpy as np
import zxingcpp

from parcelscope.datasets.packaging.design import Image

_LEFT_ODD = (
    "0001101", "0011001", "0010011", "0111101", "0100011",
    "0110001", "0101111", "0111011", "0110111", "0001011",
)  # fmt: skip
_RIGHT = tuple(s.translate(str.maketrans("01", "10")) for s in _LEFT_ODD)
_LEFT_EVEN = tuple(s[::-1] for s in _RIGHT)
# Parity of the six left digits tells the first one (GS1 General Specifications, 5.2.1).
_PARITY = (
    "OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE",
    "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO",
)  # fmt: skip
_FORMATS = {
    "Code128": zxingcpp.BarcodeFormat.Code128,
    "Code39": zxingcpp.BarcodeFormat.Code39,
    "ITF": zxingcpp.BarcodeFormat.ITF,
    "EAN13": zxingcpp.BarcodeFormat.EAN13,
    "QRCode": zxingcpp.BarcodeFormat.QRCode,
    "DataMatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "PDF417": zxingcpp.BarcodeFormat.PDF417,
}
MATRIX_FORMATS = frozenset({"QRCode", "DataMatrix"})


@dataclass(frozen=True, slots=True)
class LabelCode:
    """One code to print: its symbology and its text.

    `format` is one of Code128, Code39, ITF, EAN13, QRCode, DataMatrix, PDF417. A Code128 text
    with application identifiers in parentheses, such as `(00)340123450000000018`, is GS1-128.
    """

    format: str
    text: str


def code_modules(code: LabelCode) -> Image:
    """Modules of a code, 0 dark and 255 light, without quiet zone.

    Linear codes have shape (1, W); matrix codes (H, W), one pixel a module.

    Raises:
        ValueError: If the format is not known or cannot hold the text.
    """
    if code.format not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise ValueError(f"code format must be one of {known}, got {code.format!r}")
    if code.format == "EAN13":
        return ean13_modules(code.text)
    is_gs1 = code.format == "Code128" and code.text.startswith("(")
    options = {"gs1": True} if is_gs1 else {}
    symbol = zxingcpp.create_barcode(code.text, _FORMATS[code.format], **options)
    modules: Image = np.array(symbol.to_image(scale=1, add_quiet_zones=False), dtype=np.uint8)
    is_linear = code.format not in MATRIX_FORMATS and code.format != "PDF417"
    return modules[:1] if is_linear else modules


def ean13_modules(digits: str) -> Image:
    """Bars of an EAN-13, shape (1, 95), whether or not its check digit is right.

    Own encoder since zxing-cpp refuses a wrong check digit, which is one of the defects.

    Raises:
        ValueError: If `digits` is not 13 digits.
    """
    if len(digits) != 13 or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"an EAN-13 must be 13 digits, got {digits!r}")
    left = "".join(
        (_LEFT_ODD if parity == "O" else _LEFT_EVEN)[int(d)]
        for parity, d in zip(_PARITY[int(digits[0])], digits[1:7], strict=True)
    )
    right = "".join(_RIGHT[int(d)] for d in digits[7:])
    bars = np.frombuffer(f"101{left}01010{right}101".encode(), np.uint8)
    modules: Image = np.where(bars == ord("1"), 0, 255).astype(np.uint8)[None]
    return modules
