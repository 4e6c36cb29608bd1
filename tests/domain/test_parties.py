"""A party is known by what it states, in a fixed order, and nothing it states wrongly is believed."""

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.parties import Identifier, Party

ONE, TWO, THREE = "5555555555", "9999999999", "7777777777"


def test_the_legal_id_goes_before_every_other_organisation_number() -> None:
    party = Party("X", ElectronicAddress("0007", TWO), ONE, f"SE{THREE}01", (Identifier(THREE, "0007"),))
    assert party.organisation_number == OrganisationNumber(ONE)


def test_the_electronic_address_goes_before_identifiers_and_vat_number() -> None:
    party = Party("X", ElectronicAddress("0007", TWO), "", f"SE{ONE}01", (Identifier(THREE),))
    assert party.organisation_number == OrganisationNumber(TWO)


def test_the_vat_number_holds_the_organisation_number_where_nothing_else_does() -> None:
    party = Party("X", ElectronicAddress("0088", "7350000000009"), "", f"SE{ONE}01")
    assert party.organisation_number == OrganisationNumber(ONE)


def test_a_wrong_organisation_number_is_passed_over_for_the_next() -> None:
    assert Party("X", None, "5555555554", f"SE{ONE}01").organisation_number == OrganisationNumber(ONE)
    assert Party("X", None, "5555555554").organisation_number is None


def test_every_right_gln_is_told_once_the_address_first() -> None:
    party = Party(
        "X",
        ElectronicAddress("0088", "7350000000016"),
        identifiers=(
            Identifier("7350000000009", "0088"),
            Identifier("7350000000016"),
            Identifier("7350000000008", "0088"),
            Identifier("7350000000023", "0007"),
        ),
    )
    assert party.glns == (Gln("7350000000016"), Gln("7350000000009"))
