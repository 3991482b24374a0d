"""U5.addresses and U5.consignee: addresses on a parcel against the declared consignee."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.label_addresses import AddressRole, LabelAddress, name_words
from parcelscope.screening.indicators.addressees import ADDRESSES, CONSIGNEE, odd_addressees
from parcelscope.screening.indicators.evidence import Outcome

PARAMETERS = w.parameters("addressees")
PARCEL = {
    "parcel_id": "P",
    "shipper_name": "Golden Gate Trading Co.",
    "shipper_country": "CN",
    "consignee_name": "Jane Doe",
    "consignee_country": "US",
    "consignee_postcode": "62701",
}
PHOTO = {"owner_id": "P", "owner_kind": "parcel", "kind": "photo", "path": "P.jpg"}


def on_label(
    name: str | None = None,
    country: str | None = None,
    postcode: str | None = None,
    role: AddressRole | None = None,
) -> LabelAddress:
    words = None if name is None else name_words(name)
    return LabelAddress(country=country, postcode=postcode, name=words, role=role)


SENDER = on_label("Golden Gate Trading", "CN")
OWN = on_label("Jane Doe", "US", "62701")


def seen(*addresses: LabelAddress, **manifest: str | None) -> Outcome:
    read = [w.read_address("P", one, top=50.0 * n) for n, one in enumerate(addresses)]
    of = w.feed([{**PARCEL, **manifest}], images=[PHOTO])
    return odd_addressees(w.evidence(of, [w.text_lines("P"), *read]), PARAMETERS)


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param([SENDER, OWN], id="the declared ones"),
        pytest.param([OWN, OWN], id="on two photos"),
        pytest.param([on_label("Jane M Doe", "US", "10001")], id="moved"),
        pytest.param([on_label("Jame D0e", "US", "62701-1234")], id="badly read"),
        pytest.param([on_label("Doe Jane", None, None, "to")], id="a name alone"),
        pytest.param([on_label("Return Centre", "US", "90001", "from"), OWN], id="from elsewhere"),
        pytest.param([on_label("East Freight", "US", "90001"), OWN], id="of a forwarder"),
        pytest.param([on_label("Other Trade Ltd", "CN"), OWN], id="of another firm of the country"),
    ],
)
def test_addresses_that_agree_are_silent(addresses: list[LabelAddress]) -> None:
    outcome = seen(*addresses)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("address", "sentence", "parameter"),
    [
        pytest.param(
            on_label("Jane Doe", "MX", "11560"),
            "A photo shows an address in 11560 MX; the manifest's consignee is in US.",
            "country",
            id="country",
        ),
        pytest.param(
            on_label("Rosa Ortega", "US", "10001"),
            "A photo shows an address in 10001 US under another name than the manifest's consignee,"
            " who is in 62701.",
            "postcode",
            id="postcode and name",
        ),
        pytest.param(
            on_label("Rosa Ortega", "US", None),
            "A photo shows an address in US under another name than the manifest's consignee.",
            "name",
            id="name",
        ),
    ],
)
def test_another_addressee_fires(address: LabelAddress, sentence: str, parameter: str) -> None:
    outcome = seen(SENDER, address)
    assert w.sentences(outcome, CONSIGNEE) == {"P": sentence}
    assert w.sentences(outcome, ADDRESSES) == {}
    assert w.ratio(outcome, CONSIGNEE, "P") == getattr(PARAMETERS, parameter)
    assert outcome.findings["image_path"].to_list() == ["label.jpg"]


def test_a_second_addressee_fires() -> None:
    outcome = seen(SENDER, OWN, on_label("Rosa Ortega", "US", "10001"))
    assert w.sentences(outcome, ADDRESSES) == {
        "P": "Photos show 2 different addresses besides the sender's, such as in 62701 US and"
        " 10001 US; a parcel has one addressee."
    }
    assert w.sentences(outcome, CONSIGNEE) == {}


def test_what_is_said_names_nobody() -> None:
    outcome = seen(
        SENDER, on_label("Rosa Ortega", "US", "10001"), on_label("Hugo Vance", "MX", "11560")
    )
    assert set(outcome.findings["code"]) == {ADDRESSES, CONSIGNEE}
    told = " ".join(outcome.findings["sentence"]).lower()
    assert not any(word in told for word in ("rosa", "ortega", "hugo", "vance", "jane", "doe"))
    assert outcome.findings["text"].null_count() == outcome.findings.height


@pytest.mark.parametrize(
    ("addresses", "manifest", "reason"),
    [
        pytest.param([], {}, "no address could be read on a photo", id="no address"),
        pytest.param([SENDER], {}, "whose address was read cannot be told", id="the sender's"),
        pytest.param(
            [on_label("Rosa Ortega", "US", "10001")],
            {},
            "whose address was read cannot be told",
            id="one that may be a forwarder's",
        ),
        pytest.param(
            [OWN],
            {"consignee_name": None, "consignee_country": None, "consignee_postcode": None},
            "the manifest names no consignee",
            id="no consignee",
        ),
    ],
)
def test_what_cannot_be_compared_is_not_assessed(
    addresses: list[LabelAddress], manifest: dict[str, None], reason: str
) -> None:
    outcome = seen(*addresses, **manifest)
    assert outcome.findings.is_empty()
    for code in (ADDRESSES, CONSIGNEE):
        assert w.reasons_not_assessed(outcome, code) == {"P": reason}


def test_without_text_it_is_not_assessed() -> None:
    outcome = odd_addressees(w.evidence(w.feed([PARCEL], images=[PHOTO])), PARAMETERS)
    assert w.reasons_not_assessed(outcome, CONSIGNEE) == {"P": "no label was read as text"}
