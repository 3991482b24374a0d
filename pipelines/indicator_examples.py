"""A sentence that each indicator might say, for those who have not seen it fire."""

from typing import Final

EXAMPLES: Final[dict[str, str]] = {
    "U1.count": "The X-ray shows 12 to 14 pieces; the manifest says 10.",
    "U1.leaning": "The X-ray shows 10 to 13 pieces, about 11.5; the manifest's 10 is at the low end"
    " of that.",
    "U2.pieces": "The parcel rows of this carton add up to 12 pieces; its own row says 10.",
    "U2.weight": "The parcel rows of this carton add up to 14.2 kg; its own row says 11 kg.",
    "U2.packaging": "By the scale the carton weighs 2.31 kg more than its 12 parcel rows together;"
    " two in three cartons like it in this window weigh 1.2 kg to 1.6 kg more.",
    "U3.mass": "By X-ray it weighs 1.9 kg to 2.3 kg; the manifest says 850 g.",
    "U3.xray_scale": "By X-ray it weighs 1.9 kg to 2.3 kg; the scale says 850 g.",
    "U3.scale": "The scale says 2.1 kg; the manifest says 850 g.",
    "U3.leaning": "The scale says 11.4 kg, 3.6 % above the 11 kg of the manifest.",
    "U4.label": "A photo shows the identifier RB123456785GB that the manifest does not list for"
    " this parcel.",
    "U4.text": "A photo shows the identifier RB123456785GB, read as text, that the manifest does"
    " not list for this parcel.",
    "U5.labels": "Photos show 2 different S10 numbers, such as RB123456785GB and RR473124829GB; a"
    " parcel has one.",
    "U5.addresses": "Photos show 2 different addresses besides the sender's, such as in 62701 US"
    " and 10001 US; a parcel has one addressee.",
    "U5.consignee": "A photo shows an address in 11560 MX; the manifest's consignee is in US.",
    "U6.entries": "Tracking number RB123456785GB stands under 2 entry numbers; one is expected.",
    "U7.entry": "Number RB123456785GB has no customs entry; 99.4 % of comparable rows have one.",
    "U7.number": "Entry XYZ-1234567-8 has no number of the carrier; 99.4 % of comparable rows have"
    " one.",
    "U8.description": 'The description "daily necessities" fits almost anything; it should say what'
    " the goods are.",
    "U8.value": "The declared value is 2.1 USD per kg; the median of 412 parcels under HS 8517 is"
    " 94.",
    "U13.count": "This is receptacle 5 of its despatch, although number 4 is flagged as the last.",
    "U13.weight": "The items of this receptacle add up to 14.2 kg; its identifier says 11 kg.",
    "U13.class": "Item CP000000015CN is of service C; its receptacle is of sub-class UN, which"
    " holds U, L, R, V, M, Q.",
    "U15.missing": "The manifest gives no seal or tag; 99.4 % of comparable cartons have one.",
    "U15.mixed": "2 parcel rows are tagged for another receptacle than this carton, such as BAG 2.",
    "U17.entity": 'The shipper "Exmaple Textile Ltd" resembles the entry "Example Textiles Co.,'
    ' Ltd." of Own list (2026-01-15), in the same country: 94 of 100 alike.',
    "ID.check": "The check digit of tracking number RB123456786GB does not follow from its other"
    " digits.",
    "contents.contradicts": 'Declared as clothing ("cotton shirts"); 2 % of compliant parcels'
    " declared so show as little of it.",
}
