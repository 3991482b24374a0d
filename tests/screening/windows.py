"""Small windows for tests: feeds, findings and bundles, written as plain Python values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.label_addresses import LabelAddress
from parcelscope.datasets.records import (
    Finding,
    NotAssessed,
    OwnerKind,
    findings_frame,
    not_assessed_frame,
)
from parcelscope.datasets.schema import (
    CARTONS,
    IMAGES,
    PARCELS,
    STEP_WEDGES,
    TableSchema,
)
from parcelscope.datasets.tables import REJECTED_DTYPES, ROW, dtypes, empty_table
from parcelscope.models.bundle import Bundle, DetectorCard, FusionModel
from parcelscope.screening.indicator_pack import load_pack
from parcelscope.screening.indicators.evidence import Evidence, Outcome

Row = Mapping[str, Any]


def feed(
    parcels: Sequence[Row] = (),
    cartons: Sequence[Row] = (),
    images: Sequence[Row] = (),
    *,
    rejected_parcels: int = 0,
) -> Feed:
    """A feed with these rows; columns left out are empty."""
    owned = pl.DataFrame(
        [{**row, "owner_kind": row.get("owner_kind", "parcel")} for row in images],
        schema={**dtypes(IMAGES), ROW: pl.Int64(), "owner_kind": pl.String()},
    )
    bad_row = {
        "table": "parcels",
        "file": "parcels.csv",
        "column": "pieces",
        "expected": "a whole number, 0 or more",
        "got": "ten",
    }
    return Feed(
        root=Path("feed"),
        parcels=_table(PARCELS, parcels),
        cartons=_table(CARTONS, cartons),
        images=owned,
        step_wedges=empty_table(STEP_WEDGES),
        rejected=pl.DataFrame(
            [{**bad_row, "row": 100 + i, "key": f"BAD{i}"} for i in range(rejected_parcels)],
            schema=REJECTED_DTYPES,
        ),
        notes=pl.DataFrame(schema=REJECTED_DTYPES),
        rows={"parcels": len(parcels) + rejected_parcels},
    )


def _table(schema: TableSchema, rows: Sequence[Row]) -> pl.DataFrame:
    numbered = [{**row, ROW: number} for number, row in enumerate(rows, 1)]
    return pl.DataFrame(numbered, schema={**dtypes(schema), ROW: pl.Int64()})


def evidence(
    of: Feed, findings: Sequence[Finding] = (), not_assessed: Sequence[NotAssessed] = ()
) -> Evidence:
    """A window of `of` with what the detectors said."""
    return Evidence(
        feed=of,
        findings=findings_frame(findings),
        not_assessed=not_assessed_frame(not_assessed),
    )


def band(
    owner_id: str,
    code: str,
    low: float,
    high: float,
    *,
    kind: OwnerKind = "carton",
    image: str = "top.tif",
) -> Finding:
    """A measured count or mass of one scan."""
    return Finding(
        owner_id=owner_id,
        owner_kind=kind,
        source="xray.pieces" if code == "pieces.count" else "xray.mass",
        code=code,
        sentence="measured",
        observed=(low + high) / 2,
        observed_low=low,
        observed_high=high,
        image_path=image,
    )


def read_code(
    owner_id: str, text: str, *, symbology: str = "Code128", kind: OwnerKind = "parcel"
) -> Finding:
    """A code that was read in a photo."""
    return Finding(
        owner_id=owner_id,
        owner_kind=kind,
        source="photo.codes",
        code=f"code.{symbology}",
        sentence="read",
        text=text,
        image_path="label.jpg",
        box_xyxy=(1.0, 2.0, 3.0, 4.0),
    )


def read_text(
    owner_id: str,
    text: str,
    *,
    scheme: str = "s10",
    kind: OwnerKind = "parcel",
    confidence: float = 0.95,
    image: str = "label.jpg",
) -> Finding:
    """A number that was read as text in a photo."""
    return Finding(
        owner_id=owner_id,
        owner_kind=kind,
        source="photo.text",
        code=f"text.{scheme}",
        sentence="read as text",
        text=text,
        observed=confidence,
        image_path=image,
        box_xyxy=(1.0, 2.0, 3.0, 4.0),
    )


def text_lines(owner_id: str, *, kind: OwnerKind = "parcel") -> Finding:
    """A photo that was read as text, whatever it says."""
    return Finding(
        owner_id=owner_id,
        owner_kind=kind,
        source="photo.text",
        code="text.lines",
        sentence="read",
        observed=3,
        image_path="label.jpg",
    )


def read_address(
    owner_id: str, address: LabelAddress, *, image: str = "label.jpg", top: float = 2.0
) -> Finding:
    """An address that was read in a photo."""
    return Finding(
        owner_id=owner_id,
        owner_kind="parcel",
        source="photo.text",
        code="text.address",
        sentence="read",
        text=address.to_text(),
        observed=0.95,
        image_path=image,
        box_xyxy=(1.0, top, 3.0, top + 2),
    )


def item(
    owner_id: str, name: str, *, score: float, p_value: float, image: str = "scan.tif"
) -> Finding:
    """A shape that was seen in a scan."""
    return Finding(
        owner_id=owner_id,
        owner_kind="parcel",
        source="xray.items",
        code=f"item.{name}",
        sentence=f"Shape like a {name}.",
        score=score,
        p_value=p_value,
        image_path=image,
    )


def bundle(
    *,
    parcel_weights: Mapping[str, float] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> Bundle:
    """A bundle with an items card and two simple fusion models."""
    card = DetectorCard(
        detector="xray.items",
        input="dual",
        file="items.onnx",
        sha256="0" * 64,
        width_px=320,
        height_px=256,
        mm_per_px=1.6,
        classes=("handgun", "knife"),
        thresholds=dict({"handgun": 0.6, "knife": 0.4} if thresholds is None else thresholds),
    )
    knots = {"knots_logit": (-6.0, -3.0, 0.0, 6.0), "knots_risk": (0.002, 0.05, 0.5, 0.998)}
    weights = {"item.*": 1.0, "anomaly.scan": 0.5, "U3.*": 0.8, "U4.label": 2.0, "U6.reuse": 1.5}
    return Bundle(
        name="test",
        version="1",
        licence="Apache-2.0",
        created="2026-01-01",
        training_data="none",
        detectors=(card,),
        parcel_fusion=FusionModel(intercept=-4.0, weights=dict(parcel_weights or weights), **knots),
        carton_fusion=FusionModel(
            intercept=-4.0, weights={"U1.count": 2.0, "U2.*": 1.0, "U3.*": 1.0}, **knots
        ),
    )


def parameters(indicator: str) -> Any:
    """What the pack that ships gives the indicator `indicator`."""
    return next(rule.parameters for rule in load_pack("base").rules if rule.indicator == indicator)


def sentences(outcome: Outcome, code: str) -> dict[str, str]:
    """What `outcome` says under `code`, by owner."""
    rows = outcome.findings.filter(pl.col("code") == code)
    return dict(zip(rows["owner_id"], rows["sentence"], strict=True))


def reasons_not_assessed(outcome: Outcome, check: str) -> dict[str, str]:
    """Why `check` was not made, by owner."""
    rows = outcome.not_assessed.filter(pl.col("check") == check)
    return dict(zip(rows["owner_id"], rows["reason"], strict=True))


def ratio(outcome: Outcome, code: str, owner_id: str) -> float:
    """The highest likelihood ratio of `code` on `owner_id`."""
    rows = outcome.findings.filter((pl.col("code") == code) & (pl.col("owner_id") == owner_id))
    return float(rows["likelihood_ratio"].to_list()[0])
