"""Identifiers are parsed into what cannot be wrong, and no personnummer is shown whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, luhn

from hub.domain.identifiers import ElectronicAddress, Gln, NotAnIdentifier, OrganisationNumber, masked


@pytest.mark.parametrize(
    "written", ["555555-5555", "5555555555", " 555555 5555 ", "165555555555", "SE555555555501", "se555555555501"]
)
def test_an_organisation_number_is_the_same_however_it_is_written(written: str) -> None:
    assert OrganisationNumber.parse(written) == OrganisationNumber("5555555555")


@pytest.mark.parametrize(
    "written", ["", "5555555554", "555555555", "55555555555", "55555555٥5", "SE5555555555", "FÖRETAG"]
)
def test_what_is_no_organisation_number_is_refused(written: str) -> None:
    with pytest.raises(NotAnIdentifier):
        OrganisationNumber.parse(written)


@given(st.text("0123456789", min_size=9, max_size=9))
def test_of_ten_numbers_with_the_same_beginning_one_is_an_organisation_number(nine: str) -> None:
    right = nine + luhn.calc_check_digit(nine)
    assert OrganisationNumber.parse(right).digits == right
    for wrong in {f"{nine}{digit}" for digit in range(10)} - {right}:
        with pytest.raises(NotAnIdentifier):
            OrganisationNumber.parse(wrong)


@given(st.text())
def test_any_text_is_an_organisation_number_or_refused_as_none(text: str) -> None:
    try:
        number = OrganisationNumber.parse(text)
    except NotAnIdentifier:
        return
    assert len(number.digits) == 10


def test_a_number_whose_third_digit_is_below_two_is_a_persons_and_is_masked() -> None:
    person = OrganisationNumber.parse("000000-0000")
    assert person.is_personal
    assert str(person) == "000000-****"
    assert str(OrganisationNumber.parse("5555555555")) == "555555-5555"


@pytest.mark.parametrize("written", ["000101-0000", "0001010000", "200001010000", "SE000101000001", "000101+0000"])
def test_a_personnummer_is_masked_even_when_its_check_digit_is_wrong(written: str) -> None:
    with pytest.raises(NotAnIdentifier):
        OrganisationNumber.parse(written)
    assert masked(written) == "000101-****"


def test_a_samordningsnummer_is_masked_like_a_personnummer() -> None:
    assert masked("000161-0000") == "000161-****"


@pytest.mark.parametrize("shown", ["555555-5555", "2222222222", "7350000000009", "Förvaltningen", "0007:x", ""])
def test_masking_leaves_all_but_personal_numbers_as_they_stand(shown: str) -> None:
    assert masked(shown) == shown


def test_a_gln_has_thirteen_digits_and_a_right_check_digit() -> None:
    assert Gln.parse("735 0000 0000 09").digits == "7350000000009"
    for wrong in ("7350000000008", "735000000000", "07350000000009", "735000000000x", ""):
        with pytest.raises(NotAnIdentifier):
            Gln.parse(wrong)


@given(st.text("0123456789", min_size=12, max_size=12))
def test_every_twelve_digits_have_their_gln(twelve: str) -> None:
    digits = twelve + ean.calc_check_digit(twelve)
    assert str(Gln.parse(digits)) == digits


def test_an_electronic_address_is_the_same_with_and_without_its_prefix() -> None:
    plain = ElectronicAddress.parse("0007:5555555555")
    assert ElectronicAddress.parse("iso6523-actorid-upis::0007:555555-5555") == plain
    assert str(plain) == "0007:5555555555"


def test_an_electronic_address_knows_no_capitals() -> None:
    assert ElectronicAddress.of("9915", "AbC") == ElectronicAddress.of(" 9915 ", "abc")


@pytest.mark.parametrize("written", ["", "0007", "0007:", ":5555555555", "0007: "])
def test_an_address_without_scheme_or_value_is_refused(written: str) -> None:
    with pytest.raises(NotAnIdentifier):
        ElectronicAddress.parse(written)
