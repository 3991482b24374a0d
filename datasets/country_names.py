"""Names of countries as the last line of an address has them: in English, and as they name it."""

from typing import Final

from parcelscope.datasets.countries import COUNTRIES

_NAMES: Final = {
    "AE": "UNITED ARAB EMIRATES|UAE", "AR": "ARGENTINA", "AT": "AUSTRIA|OESTERREICH|OSTERREICH",
    "AU": "AUSTRALIA", "BD": "BANGLADESH", "BE": "BELGIUM|BELGIQUE|BELGIE", "BG": "BULGARIA",
    "BR": "BRAZIL|BRASIL", "CA": "CANADA", "CH": "SWITZERLAND|SCHWEIZ|SUISSE|SVIZZERA",
    "CL": "CHILE", "CN": "CHINA|P R CHINA|PR CHINA|PEOPLES REPUBLIC OF CHINA", "CO": "COLOMBIA",
    "CZ": "CZECHIA|CZECH REPUBLIC|CESKA REPUBLIKA", "DE": "GERMANY|DEUTSCHLAND|ALLEMAGNE",
    "DK": "DENMARK|DANMARK", "DO": "DOMINICAN REPUBLIC", "EC": "ECUADOR", "EE": "ESTONIA|EESTI",
    "EG": "EGYPT", "ES": "SPAIN|ESPANA|ESPAGNE", "FI": "FINLAND|SUOMI", "FR": "FRANCE",
    "GB": "UNITED KINGDOM|GREAT BRITAIN|ENGLAND|SCOTLAND|WALES|NORTHERN IRELAND|UK",
    "GR": "GREECE|HELLAS", "HK": "HONG KONG|HONGKONG", "HR": "CROATIA|HRVATSKA",
    "HU": "HUNGARY|MAGYARORSZAG", "ID": "INDONESIA", "IE": "IRELAND|EIRE", "IL": "ISRAEL",
    "IN": "INDIA", "IT": "ITALY|ITALIA", "JP": "JAPAN", "KE": "KENYA",
    "KR": "KOREA|SOUTH KOREA|REPUBLIC OF KOREA", "LK": "SRI LANKA", "LT": "LITHUANIA|LIETUVA",
    "LU": "LUXEMBOURG", "LV": "LATVIA|LATVIJA", "MA": "MOROCCO|MAROC", "MX": "MEXICO",
    "MY": "MALAYSIA", "NG": "NIGERIA", "NL": "NETHERLANDS|THE NETHERLANDS|NEDERLAND|HOLLAND",
    "NO": "NORWAY|NORGE", "NZ": "NEW ZEALAND", "PE": "PERU", "PH": "PHILIPPINES",
    "PK": "PAKISTAN", "PL": "POLAND|POLSKA", "PT": "PORTUGAL", "RO": "ROMANIA",
    "RS": "SERBIA|SRBIJA", "RU": "RUSSIA|RUSSIAN FEDERATION", "SA": "SAUDI ARABIA",
    "SE": "SWEDEN|SVERIGE", "SG": "SINGAPORE", "SI": "SLOVENIA|SLOVENIJA",
    "SK": "SLOVAKIA|SLOVENSKO", "TH": "THAILAND", "TR": "TURKEY|TURKIYE", "TW": "TAIWAN",
    "UA": "UKRAINE", "US": "UNITED STATES|UNITED STATES OF AMERICA|USA|U S A",
    "VN": "VIETNAM|VIET NAM", "ZA": "SOUTH AFRICA",
}  # fmt: skip
"""Those that send or get most small parcels; others are known by their code alone."""

COUNTRY_OF_NAME: Final = {
    name: code for code, names in _NAMES.items() for name in names.split("|")
} | {code: code for code in COUNTRIES}
"""ISO 3166-1 alpha-2 by name, in capitals and without accents, or by the code itself."""
