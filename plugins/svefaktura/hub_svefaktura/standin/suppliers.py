"""Forty made-up suppliers and what they sell. No number among them is a person's, and none belongs to anybody."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hub_svefaktura.standin.units import checked

_SERIES = "5599990"
_BANKGIRO = "9999"


@dataclass(frozen=True, slots=True)
class Ware:
    """Something sold: its name, unit of measure (UN/ECE Rec 20), usual price and VAT rate in percent."""

    name: str
    unit: str
    price: Decimal
    rate: int = 25


@dataclass(frozen=True, slots=True)
class Supplier:
    """Somebody who sends invoices. `format` is what its system writes: `bis` or `svefaktura`."""

    name: str
    organisation_number: str
    bankgiro: str
    street: str
    postal_code: str
    city: str
    wares: tuple[Ware, ...]
    format: str

    @property
    def vat_number(self) -> str:
        """The VAT number that goes with the organisation number."""
        return f"SE{self.organisation_number}01"


def _wares(*rows: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Ware, ...]:
    return tuple(Ware(row[0], row[1], Decimal(row[2]), row[3] if len(row) == 4 else 25) for row in rows)


_OFFICE = _wares(
    ("Kopieringspapper A4, 500 ark", "H87", "48.90"),
    ("Pärm A4, rygg 60 mm", "H87", "23.75"),
    ("Tonerkassett svart", "H87", "1249.00"),
    ("Whiteboardpenna, sorterade färger", "SET", "69.50"),
    ("Fackbok: Offentlig upphandling", "H87", "389.00", 6),
)
_FOOD = _wares(
    ("Ekologisk mjölk 1,5 %, 10 liter", "H87", "132.40", 12),
    ("Potatis, tvättad", "KGM", "11.85", 12),
    ("Kycklinglårfilé, fryst", "KGM", "87.20", 12),
    ("Engångshandskar, 100-pack", "H87", "64.00"),
    ("Knäckebröd, råg", "KGM", "31.445", 12),
)
_BUILDING = _wares(
    ("Snickeriarbete", "HUR", "545.00"),
    ("Målningsarbete, vägg", "MTK", "128.50"),
    ("Gipsskiva 12,5 mm", "H87", "96.35"),
    ("Servicebil, dygn", "DAY", "650.00"),
)
_ROADS = _wares(
    ("Snöröjning, beredskap", "DAY", "4200.00"),
    ("Halkbekämpning, sand", "TNE", "412.75"),
    ("Asfalt ABT11", "TNE", "987.40"),
    ("Trafikvakt", "HUR", "468.00"),
)
_IT = _wares(
    ("Konsult, systemutveckling", "HUR", "980.00"),
    ("Bärbar dator 14 tum", "H87", "9875.00"),
    ("Licens, per användare och månad", "MON", "118.333"),
    ("Supportavtal, månad", "MON", "15400.00"),
)
_CARE = _wares(
    ("Sjuksköterska, timtid", "HUR", "612.00", 0),
    ("Handledning socialsekreterare", "HUR", "1150.00", 0),
    ("Inkontinensskydd, kartong", "H87", "349.00"),
)
_CULTURE = _wares(
    ("Barnböcker, blandat urval", "H87", "129.00", 6),
    ("Teaterföreställning för skola", "H87", "18500.00", 6),
    ("Ljudteknik, dag", "DAY", "5600.00"),
)
_TRAVEL = _wares(
    ("Taxiresa, skolskjuts", "H87", "284.91", 6),
    ("Hotellnatt, enkelrum", "DAY", "1160.71", 12),
    ("Konferenspaket, heldag", "H87", "695.00", 12),
)
_ENERGY = _wares(
    ("Elhandel, rörligt pris", "KWH", "0.7134"),
    ("Fjärrvärme", "MWH", "862.10"),
    ("Nätavgift, månad", "MON", "2310.00"),
)
_CLEANING = _wares(
    ("Lokalvård, månad", "MON", "27450.00"),
    ("Fönsterputs", "MTK", "18.90"),
    ("Mattbyte, entré", "H87", "145.00"),
)

_TRADES: tuple[tuple[tuple[Ware, ...], tuple[str, ...]], ...] = (
    (_OFFICE, ("Påhittade Pennor AB", "Pärm & Papper i Exempelstad AB", "Kontorsgrisen AB", "Nordfiktiv Kontor AB")),
    (_FOOD, ("Fabelgårdens Grönt AB", "Sagomejeriet AB", "Exempelfisk AB", "Tänkta Tallrikar AB")),
    (_BUILDING, ("Luftslott Bygg AB", "Påhittade Plåtslagare AB", "Fantasifasader AB", "Ritade Rör AB")),
    (_ROADS, ("Blindväg Entreprenad AB", "Snöfabeln AB", "Exempelasfalt AB", "Vägar i Fiktiva AB")),
    (_IT, ("Nollställda System AB", "Molnvisionen AB", "Hittepå Data AB", "Byte & Bit Exempel AB")),
    (_CARE, ("Omtänkt Omsorg AB", "Exempelsköterskorna AB", "Handledarna i Sagostad AB", "Fiktiva Vårdlag AB")),
    (_CULTURE, ("Låtsasteatern AB", "Bokstavsbruket AB", "Fabelförlaget AB", "Exempelljud AB")),
    (_TRAVEL, ("Ingenstans Resor AB", "Taxi Fiktiv AB", "Hotell Låtsas AB", "Skolskjuts i Sagan AB")),
    (_ENERGY, ("Påhittad Kraft AB", "Exempel Energi AB", "Fiktiv Fjärrvärme AB", "Nätbolaget Ingenting AB")),
    (_CLEANING, ("Rena Rama Påhittet AB", "Skinande Sagor AB", "Fiktiva Fönster AB", "Städexemplet AB")),
)
_TOWNS = (("21100", "Sagostad"), ("41100", "Fabelköping"), ("75300", "Fiktiva"), ("90300", "Norra Exempel"))


def _suppliers() -> tuple[Supplier, ...]:
    named = [(name, wares) for wares, names in _TRADES for name in names]
    return tuple(_supplier(number, name, wares) for number, (name, wares) in enumerate(named))


def _supplier(number: int, name: str, wares: tuple[Ware, ...]) -> Supplier:
    postal_code, town = _TOWNS[number % len(_TOWNS)]
    return Supplier(
        name=name,
        organisation_number=checked(f"{_SERIES}{number:02d}"),
        bankgiro=checked(f"{_BANKGIRO}{number:03d}"),
        street=f"Sagovägen {number + 1}",
        postal_code=postal_code,
        city=town,
        wares=wares,
        format="svefaktura" if number % 3 == 2 else "bis",
    )


SUPPLIERS = _suppliers()
