"""Draws the printed front face of a package from a printing plan, and its plainer other faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import ImageDraw

from parcelscope.datasets.packaging.codes import LabelCode, code_modules, ean13_modules
from parcelscope.datasets.packaging.defects import Printing
from parcelscope.datasets.packaging.design import FACE_WH, FontName, Image, Layout, font

_BOARD_RGB = (249, 249, 246)
_INK_RGB = (38, 38, 42)
_LOGO_SIZE = 84


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where a layout puts things: left, top and (for text) the room in design units."""

    logo_xy: tuple[float, float]
    brand_xy: tuple[float, float]
    brand_room: float
    product_xy: tuple[float, float]
    product_room: float
    lines_xy: tuple[float, float]
    hologram_xy: tuple[float, float]
    qr_xy: tuple[float, float]


_PLACES: dict[Layout, _Places] = {
    "band": _Places(
        logo_xy=(28, 28), brand_xy=(132, 36), brand_room=470, product_xy=(30, 184),
        product_room=350, lines_xy=(30, 246), hologram_xy=(424, 184), qr_xy=(520, 182),
    ),
    "side": _Places(
        logo_xy=(58, 44), brand_xy=(226, 34), brand_room=384, product_xy=(226, 126),
        product_room=280, lines_xy=(226, 182), hologram_xy=(66, 296), qr_xy=(520, 172),
    ),
}  # fmt: skip


def draw_face(rng: np.random.Generator, printing: Printing, *, width_px: int = 640) -> Image:
    """The printed front face, shape (H, W, 3) RGB, seen flat and evenly lit.

    Args:
        rng: Chooses what changes from look to look: the hologram's colours.
        printing: What is printed and where.
        width_px: Width of the result; the height keeps the proportions of `FACE_WH`.
    """
    width, height = FACE_WH
    scale = 2 * width_px / width  # drawn at twice the size: Pillow does not smooth shapes
    canvas = PilImage.new("RGB", (2 * width_px, round(height * scale)), _BOARD_RGB)
    offset = (printing.register_xy[0] * width, printing.register_xy[1] * width)
    pen = _Pen(canvas, ImageDraw.Draw(canvas), scale, offset)
    places = _PLACES[printing.design.layout]
    _draw_panels(pen, printing)
    _draw_logo(pen, printing, places)
    _draw_texts(pen, printing, places)
    _draw_codes(pen, printing, places)
    if printing.has_hologram:
        _paste_hologram(rng, pen, places)
    size = (width_px, round(height * width_px / width))
    shrunk = cv2.resize(np.asarray(canvas), size, interpolation=cv2.INTER_AREA)
    face = np.asarray(shrunk, np.uint8)
    if printing.print_resolution < 1 or printing.screen_share > 0:
        face = _reprint(rng, face, printing.print_resolution, printing.screen_share)
    return face


def draw_panel(printing: Printing, size_wh: tuple[int, int], *, upright: bool) -> Image:
    """A side (`upright`) or the top of the carton: panel colour, accent strip and brand."""
    width, height = size_wh
    canvas = PilImage.new("RGB", (width, height), printing.panel_rgb)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, int(height * 0.86), width, height), fill=printing.accent_rgb)
    brand_size = _fitting_size(printing.brand_text, printing.brand_font, 60, width * 0.8)
    face = font(printing.brand_font, brand_size)
    left = (width - draw.textlength(printing.brand_text, font=face)) / 2
    draw.text((left, height * 0.16), printing.brand_text, font=face, fill="white")
    if upright:
        small = font("sans", max(8, width // 24))
        for k, line in enumerate((printing.design.product, "Keep dry. Store below 30 °C.", "")):
            draw.text((width * 0.1, height * 0.4 + k * width / 14), line, font=small, fill="white")
    return np.asarray(canvas)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws in design units on a canvas of `scale` pixels a unit, off register by `offset`."""

    canvas: PilImage.Image
    draw: ImageDraw.ImageDraw
    scale: float
    offset: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        return ((x + self.offset[0]) * self.scale, (y + self.offset[1]) * self.scale)

    def shape(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [self.at(x, y) for x, y in points]

    def text(
        self,
        xy: tuple[float, float],
        text: str,
        name: FontName,
        size: float,
        fill: tuple[int, int, int],
        kerning_em: float = 0.0,
    ) -> None:
        face = font(name, round(size * self.scale))
        x, y = self.at(*xy)
        if not kerning_em:
            self.draw.text((x, y), text, font=face, fill=fill)
            return
        for letter in text:
            self.draw.text((x, y), letter, font=face, fill=fill)
            x += self.draw.textlength(letter, font=face) + kerning_em * size * self.scale

    def paste(self, xy: tuple[float, float], picture: Image, mask: Image | None = None) -> None:
        x, y = self.at(*xy)
        stencil = PilImage.fromarray(mask) if mask is not None else None
        self.canvas.paste(PilImage.fromarray(picture), (round(x), round(y)), stencil)


def _draw_panels(pen: _Pen, printing: Printing) -> None:
    width, height = FACE_WH
    far = 40  # beyond the trim, so that a shifted register shows no gap
    if printing.design.layout == "band":
        edge = height * 0.34
        pen.draw.polygon(
            pen.shape([(-far, edge), (width + far, edge), (width + far, height * 0.4)]),
            fill=printing.accent_rgb,
        )
        corner_a, corner_b = pen.shape([(-far, -far), (width + far, edge)])
    else:
        edge = 200
        pen.draw.polygon(
            pen.shape([(edge, -far), (edge + 14, -far), (edge, height + far)]),
            fill=printing.accent_rgb,
        )
        corner_a, corner_b = pen.shape([(-far, -far), (edge, height + far)])
    pen.draw.rectangle((*corner_a, *corner_b), fill=printing.panel_rgb)


def _draw_logo(pen: _Pen, printing: Printing, places: _Places) -> None:
    width = FACE_WH[0]
    x = places.logo_xy[0] + printing.logo_shift_xy[0] * width
    y = places.logo_xy[1] + printing.logo_shift_xy[1] * width
    s = _LOGO_SIZE
    accent, panel = printing.accent_rgb, printing.panel_rgb

    def box(inset: float) -> tuple[float, float, float, float]:
        return (*pen.at(x + inset, y + inset), *pen.at(x + s - inset, y + s - inset))

    line = round(0.12 * s * pen.scale)
    if printing.design.logo == "ring":
        pen.draw.ellipse(box(0), fill=accent)
        pen.draw.ellipse(box(0.26 * s), fill=panel)
    elif printing.design.logo == "peak":
        pen.draw.polygon(pen.shape([(x, y + s), (x + s / 2, y), (x + s, y + s)]), fill=accent)
        inner = [(x + 0.3 * s, y + s), (x + 0.5 * s, y + 0.55 * s), (x + 0.7 * s, y + s)]
        pen.draw.polygon(pen.shape(inner), fill=panel)
    elif printing.design.logo == "wave":
        pen.draw.rounded_rectangle(box(0), 0.22 * s * pen.scale, fill=accent)
        peak = [(0.18, 0.68), (0.5, 0.28), (0.82, 0.68)]
        points = pen.shape([(x + s * u, y + s * v) for u, v in peak])
        pen.draw.line(points, fill=panel, width=line, joint="curve")
    elif printing.design.logo == "arcs":
        for k in range(4):
            pen.draw.arc(box(0.12 * s * k), 40, 320, fill=accent, width=round(line * 0.6))
    else:
        pen.draw.pieslice(box(0), 90, 270, fill=accent)
        pen.draw.pieslice(box(0.14 * s), 270, 450, fill=(255, 255, 255))


def _draw_texts(pen: _Pen, printing: Printing, places: _Places) -> None:
    width = FACE_WH[0]
    design = printing.design
    dx, dy = printing.text_shift_xy[0] * width, printing.text_shift_xy[1] * width
    on_panel = design.layout == "band"
    # The room is that of the genuine text: an altered copy is set at the same size.
    brand_size = _fitting_size(design.brand, design.brand_font, 64, places.brand_room)
    pen.text(
        (places.brand_xy[0] + dx, places.brand_xy[1] + dy), printing.brand_text,
        printing.brand_font, brand_size, (255, 255, 255) if on_panel else printing.panel_rgb,
        printing.brand_kerning_em,
    )  # fmt: skip
    product_size = _fitting_size(design.product, design.product_font, 36, places.product_room)
    pen.text(
        (places.product_xy[0] + dx, places.product_xy[1] + dy), design.product,
        printing.product_font, product_size, _INK_RGB, printing.product_kerning_em,
    )  # fmt: skip
    lines = (
        printing.origin_text,
        f"LOT {design.lot}   EXP {design.expiry}",
        "Keep in a cool, dry place.",
        f"Distributed by {design.brand.title()} Trading",
        "Batch tested. See leaflet inside.",
    )
    for k, line in enumerate(lines):
        xy = (places.lines_xy[0], places.lines_xy[1] + 25 * k)
        pen.text(xy, line, "sans", 18, _INK_RGB)


def _draw_codes(pen: _Pen, printing: Printing, places: _Places) -> None:
    width, height = FACE_WH
    module_px = max(1, round(2 * pen.scale))
    bars = ean13_modules(printing.barcode_digits)
    bars = np.pad(bars, ((0, 0), (9, 9)), constant_values=255)  # quiet zone
    picture = np.repeat(np.repeat(bars, module_px, axis=1), round(62 * pen.scale), axis=0)
    left = width - picture.shape[1] / pen.scale - 14
    top = height - 100
    pen.paste((left, top), _on_board(picture))
    digits = printing.barcode_digits
    grouped = f"{digits[0]}  {digits[1:7]}  {digits[7:]}"
    pen.text((left + 22, top + 62), grouped, "sans", 18, _INK_RGB)
    address = f"https://id.example/{printing.design.ean13}/{printing.design.lot}"
    modules = code_modules(LabelCode("QRCode", address))
    qr_px = max(1, round(88 * pen.scale / modules.shape[0]))
    qr = np.kron(modules, np.ones((qr_px, qr_px), np.uint8))
    pen.paste(places.qr_xy, _on_board(qr))


def _on_board(modules: Image) -> Image:
    """A code in black ink on the carton board, (H, W) to (H, W, 3)."""
    is_light = modules[..., None] > 127
    return np.where(is_light, np.array(_BOARD_RGB, np.uint8), np.array(_INK_RGB, np.uint8))


def _paste_hologram(rng: np.random.Generator, pen: _Pen, places: _Places) -> None:
    n = round(68 * pen.scale)
    y, x = (np.mgrid[0:n, 0:n] / n - 0.5).astype(np.float32)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    phase = float(rng.uniform())  # the colours turn with the angle of view
    hue = ((angle / np.pi * 2 + np.sin(radius * 40) * 0.15 + phase) % 1 * 180).astype(np.uint8)
    value = np.clip(195 + 50 * np.sin(radius * 90 + angle * 6), 0, 255).astype(np.uint8)
    foil = cv2.cvtColor(cv2.merge([hue, np.full_like(hue, 105), value]), cv2.COLOR_HSV2RGB)
    pen.paste(places.hologram_xy, foil, np.where(radius < 0.48, 255, 0).astype(np.uint8))


def _reprint(
    rng: np.random.Generator, face: Image, resolution: float, screen_share: float
) -> Image:
    """The face after scanning and reprinting: lost detail and a visible halftone screen."""
    height, width = face.shape[:2]
    unit = width / FACE_WH[0]
    small = cv2.resize(face, None, fx=resolution, fy=resolution, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    period = float(rng.uniform(3.2, 4.6)) * unit
    screened = np.empty_like(soft)
    x = np.arange(width, dtype=np.float32)[None] * (2 * np.pi / period)
    y = np.arange(height, dtype=np.float32)[:, None] * (2 * np.pi / period)
    for channel, angle_deg in enumerate((15, 75, 0)):  # usual screen angles of C, M and Y
        c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
        # cos(a + b) from one-dimensional parts: the two-dimensional cosine costs ten times more.
        along = np.cos(c * x) * np.cos(s * y) - np.sin(c * x) * np.sin(s * y)
        across = np.cos(s * x) * np.cos(c * y) + np.sin(s * x) * np.sin(c * y)
        threshold = (0.5 + 0.25 * (along + across)).astype(np.float32)
        dots = (soft[..., channel] * np.float32(1 / 255) - threshold) * 6 + 0.5
        screened[..., channel] = np.clip(dots, 0, 1) * 255
    screened = cv2.GaussianBlur(screened, (0, 0), 0.7 * max(unit, 0.5))
    mixed = cv2.addWeighted(soft, 1 - screen_share, screened, screen_share, 0)
    return np.asarray(mixed, np.uint8)


def _fitting_size(text: str, name: FontName, largest: int, room: float) -> int:
    """Largest font size, up to `largest` units, at which `text` fits the room."""
    length = font(name, 100).getlength(text)
    return max(8, min(largest, int(room / max(length, 1) * 100)))
