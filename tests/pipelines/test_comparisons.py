"""What the X-ray shows beside the declared goods."""

from typing import Any

from parcelscope.pipelines.comparisons import Known, comparisons

ROW = dict.fromkeys(
    (
        "quantity", "value", "currency", "brand", "hs_code", "origin_country",
        "declared_weight_g", "measured_weight_g", "tracking_number", "house_bill",
    )
) | {"description": "cotton t-shirts"}  # fmt: skip


def finding(code: str, **facts: Any) -> dict[str, Any]:
    return {"code": code, "text": None, "observed": None, **facts}


def test_material_stands_beside_the_goods_and_a_contradiction_is_noted() -> None:
    shares = {"metal-like": 0.58, "organic": 0.3, "mixed": 0.1, "opaque": 0.02}
    found = [finding("contents.material", text=k, observed=v) for k, v in shares.items()]
    plain, contradicted = (
        comparisons(
            Known(
                kind="parcel",
                row=ROW,
                findings=findings,
                not_assessed=frozenset(),
            )
        )[0]
        for findings in (found, [*found, finding("contents.contradicts")])
    )
    assert plain.declared == ("cotton t-shirts",)
    assert plain.seen == (
        "no shape to report",
        "X-ray: 58 % metal-like, 30 % organic, 10 % mixed",
    )
    assert not plain.noted
    assert contradicted.noted


def test_numbers_say_how_they_were_read() -> None:
    found = [
        finding("code.code128", text="RB123456785GB"),
        finding("text.s10", text="RB123456785GB"),
        finding("text.s10", text="RR473124829GB"),
        finding("text.number", text="MODEL12345678"),
        finding("text.address", text='{"country": "US"}'),
        finding("text.lines", observed=7),
    ]
    known = Known(
        kind="parcel",
        row=ROW | {"tracking_number": "RB123456785GB"},
        findings=found,
        not_assessed=frozenset(),
    )
    (numbers,) = (line for line in comparisons(known) if line.name == "Numbers")
    assert numbers.declared == ("tracking RB123456785GB",)
    assert numbers.seen == ("RB123456785GB (as text, code128)", "RR473124829GB (as text)")
