"""Invented manifests of each form, small and whole."""

import json
from typing import Any

from parcelscope.datasets.identifiers import make_awb, make_s9, make_s10

MASTER = make_awb("176", "1234567")
ITEM = make_s10("UA", "00000001", "CN")
OTHER_ITEM = make_s10("UA", "00000002", "CN")
RECEPTACLE = make_s9("CNSHAAUSJFKAAUN60001", 1, weight_g=12_000)

_HEADER = """  <rsm:MessageHeaderDocument>
    <ram:ID>{message_id}</ram:ID><ram:TypeCode>{kind}</ram:TypeCode>
    <ram:IssueDateTime>{issued}</ram:IssueDateTime><ram:PurposeCode>{purpose}</ram:PurposeCode>
    <ram:VersionID>3.00</ram:VersionID>
  </rsm:MessageHeaderDocument>
"""


def _xml(root: str, space: str, header: str, body: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rsm:{root} xmlns:rsm="iata:{space}:1"'
        f' xmlns:ram="iata:datamodel:3">\n{header}{body}\n</rsm:{root}>\n'
    ).encode()


def _party(role: str, name: str, country: str) -> str:
    return (
        f"<ram:{role}><ram:Name>{name}</ram:Name><ram:PostalStructuredAddress>"
        f"<ram:PostcodeCode>12345</ram:PostcodeCode><ram:StreetName>1 Road</ram:StreetName>"
        f"<ram:CityName>Town</ram:CityName><ram:CountryID>{country}</ram:CountryID>"
        f"</ram:PostalStructuredAddress></ram:{role}>"
    )


def xfwb(
    *,
    pieces: int = 3,
    packages: tuple[int, ...] = (2, 1),
    weight_kg: str = "10.5",
    kind: str = "741",
    purpose: str = "Creation",
    issued: str = "2026-03-10T11:00:00+01:00",
) -> bytes:
    """A master air waybill with its packages."""
    lines = "".join(
        f"<ram:TransportLogisticsPackage><ram:ItemQuantity>{count}</ram:ItemQuantity>"
        "</ram:TransportLogisticsPackage>"
        for count in packages
    )
    body = f"""  <rsm:BusinessHeaderDocument><ram:ID>{MASTER}</ram:ID></rsm:BusinessHeaderDocument>
  <rsm:MasterConsignment>
    <ram:IncludedTareGrossWeightMeasure
      unitCode="KGM">{weight_kg}</ram:IncludedTareGrossWeightMeasure>
    <ram:TotalPieceQuantity>{pieces}</ram:TotalPieceQuantity>
    {_party("ConsignorParty", "SENDER LTD", "IE")}{_party("ConsigneeParty", "TAKER INC", "US")}
    <ram:OriginLocation><ram:ID>DUB</ram:ID></ram:OriginLocation>
    <ram:FinalDestinationLocation><ram:ID>JFK</ram:ID></ram:FinalDestinationLocation>
    <ram:ApplicableRating><ram:IncludedMasterConsignmentItem>
      <ram:TypeCode>610910</ram:TypeCode>
      <ram:GrossWeightMeasure unitCode="KGM">{weight_kg}</ram:GrossWeightMeasure>
      <ram:NatureIdentificationTransportCargo><ram:Identification>COTTON
        SHIRTS</ram:Identification></ram:NatureIdentificationTransportCargo>
      {lines}
    </ram:IncludedMasterConsignmentItem></ram:ApplicableRating>
  </rsm:MasterConsignment>"""
    header = _HEADER.format(message_id="WB-1", kind=kind, purpose=purpose, issued=issued)
    return _xml("Waybill", "waybill", header, body)


def _house(number: str, pieces: int, weight: str, unit: str, description: str) -> str:
    return f"""    <ram:IncludedHouseConsignment><ram:SequenceNumeric>1</ram:SequenceNumeric>
      <ram:GrossWeightMeasure unitCode="{unit}">{weight}</ram:GrossWeightMeasure>
      <ram:TotalPieceQuantity>{pieces}</ram:TotalPieceQuantity>
      <ram:SummaryDescription>{description}</ram:SummaryDescription>
      <ram:TransportContractDocument><ram:ID>{number}</ram:ID></ram:TransportContractDocument>
    </ram:IncludedHouseConsignment>"""


def xfhl(
    *, houses: tuple[tuple[str, int], ...] = (("H1", 2), ("H2", 1)), unit: str = "KGM"
) -> bytes:
    """A house manifest: house number and pieces of each consignment."""
    inside = "\n".join(_house(number, count, "2", unit, "SHOES") for number, count in houses)
    body = f"""  <rsm:BusinessHeaderDocument><ram:ID>{MASTER}</ram:ID></rsm:BusinessHeaderDocument>
  <rsm:MasterConsignment>
    <ram:IncludedTareGrossWeightMeasure unitCode="KGM">10.5</ram:IncludedTareGrossWeightMeasure>
    <ram:TotalPieceQuantity>3</ram:TotalPieceQuantity>
    <ram:TransportContractDocument><ram:ID>{MASTER}</ram:ID></ram:TransportContractDocument>
{inside}
  </rsm:MasterConsignment>"""
    header = _HEADER.format(
        message_id="HL-1", kind="785", purpose="Creation", issued="2026-03-10T12:00:00Z"
    )
    return _xml("HouseManifest", "housemanifest", header, body)


def xfzb(
    *,
    number: str = "H1",
    pieces: int = 2,
    purpose: str = "Creation",
    issued: str = "2026-03-10T13:00:00Z",
    description: str = "RUNNING SHOES",
    currency: str = "EUR",
) -> bytes:
    """A house waybill."""
    body = f"""  <rsm:BusinessHeaderDocument><ram:ID>{number}</ram:ID></rsm:BusinessHeaderDocument>
  <rsm:MasterConsignment>
    <ram:IncludedTareGrossWeightMeasure unitCode="KGM">10.5</ram:IncludedTareGrossWeightMeasure>
    <ram:TotalPieceQuantity>3</ram:TotalPieceQuantity>
    <ram:TransportContractDocument><ram:ID>{MASTER}</ram:ID></ram:TransportContractDocument>
    <ram:IncludedHouseConsignment><ram:ID>{number}</ram:ID>
      <ram:DeclaredValueForCustomsAmount
        currencyID="{currency}">80.5</ram:DeclaredValueForCustomsAmount>
      <ram:IncludedTareGrossWeightMeasure unitCode="LBR">2</ram:IncludedTareGrossWeightMeasure>
      <ram:TotalPieceQuantity>{pieces}</ram:TotalPieceQuantity>
      <ram:SummaryDescription>{description}</ram:SummaryDescription>
      {_party("ConsignorParty", "MAKER", "CN")}{_party("ConsigneeParty", "BUYER", "US")}
      <ram:IncludedHouseConsignmentItem><ram:TypeCode>640411</ram:TypeCode>
        <ram:PieceQuantity>{pieces}</ram:PieceQuantity></ram:IncludedHouseConsignmentItem>
    </ram:IncludedHouseConsignment>
  </rsm:MasterConsignment>"""
    header = _HEADER.format(message_id="ZB-1", kind="703", purpose=purpose, issued=issued)
    return _xml("HouseWaybill", "housewaybill", header, body)


def declaration(**changed: Any) -> dict[str, Any]:
    """A postal declaration of two lines."""
    made: dict[str, Any] = {
        "item_id": ITEM,
        "message_id": "M33-7",
        "form": "CN23",
        "category": "gift",
        "receptacle_id": RECEPTACLE,
        "weight_unit": "kg",
        "currency": "EUR",
        "gross_weight": 1.25,
        "sender": {"name": "A Sender", "street": "1 Lane", "city": "Leiden", "country": "NL"},
        "addressee": {
            "name": "B Taker", "street": "2 Road", "postcode": "10001", "city": "New York",
            "country": "US",
        },
        "lines": [
            {"description": "Powdered milk", "quantity": 2, "net_weight": 0.9, "value": 12.5,
             "hs_code": "040210", "origin_country": "NL"},
            {"description": "Spoon", "quantity": 1, "net_weight": 0.1, "value": 3,
             "hs_code": "821599", "origin_country": "CN"},
        ],
    }  # fmt: skip
    return {**made, **changed}


def postal_json(*declarations: dict[str, Any]) -> bytes:
    """A file of declarations; of one where none is given."""
    return json.dumps(list(declarations) or [declaration()]).encode()


CUSCAR_SEGMENTS = (
    "UNH+M1+CUSCAR:D:95B:UN", "BGM+85+X+9", "RFF+MWB:17612345675", "PAC+3", "LOC+9+PVG",
    "LOC+11+JFK", "CNI+1+H1", "NAD+CZ+++MAKER:CO+1 ROAD+SHENZHEN++518000+CN",
    "NAD+CN+++BUYER+2 STREET+NEW YORK++10001+US", "GID+1+2:CT", "FTX+AAA+++SHOES:RUNNING",
    "MEA+AAE+G+KGM:2.5", "MOA+40:80.5:USD", "CST++640411", "LOC+27+CN", "CNI+2+H2", "GID+1+1:CT",
    "FTX+AAA+++TOY ?+ BOX", "MEA+WT++LBR:2", "DTM+178:202603101200:203",
)  # fmt: skip


def edifact(segments: tuple[str, ...] = CUSCAR_SEGMENTS, *, count: int | None = None) -> bytes:
    """An interchange of one message."""
    end = f"UNT+{len(segments) + 1 if count is None else count}+M1"
    head = "UNA:+.? 'UNB+UNOC:3+SENDER+TAKER+260310:1200+1'"
    return (head + "'".join([*segments, end, "UNZ+1+1"]) + "'").encode()


POSTAL_HEADER = (
    "Item ID,Receptacle,Weight,Weight Unit,Content Description,HS Tariff Number,Content Quantity,"
    "Declared Value,Currency,Sender Name,Sender Country,Addressee Name,Addressee Country,"
    "Received At,Arrived At"
)
POSTAL_ROW = (
    f"{ITEM},{RECEPTACLE},1.5,KGM,Wooden train,9503.00,1,20.00,USD,Seller,CN,Buyer,US,"
    "2026-03-01T08:00:00Z,2026-03-02T08:00:00Z"
)


def postal_csv(*rows: str) -> bytes:
    """A postal table; of one row where none is given."""
    return "\n".join([POSTAL_HEADER, *(rows or (POSTAL_ROW,)), ""]).encode()
