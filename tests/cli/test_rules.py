"""`hub rules`: import, list, diff, activate, run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import SAMPLES, Call, objects

CURRENT = "peppol-billing-3.0.21"


def test_out_of_the_box_the_superseded_edition_judges_and_says_so(call: Call) -> None:
    packs = {each["name"]: each for each in objects(call("rules", "list", "--json"))}
    billing = packs["hub-peppol-billing-3.0.16"]
    assert billing["superseded"] is True
    assert billing["judges"] is True
    assert packs["hub-svefaktura-1.0"]["superseded"] is False


def test_an_imported_pack_judges_from_the_day_it_is_activated(call: Call, artefacts: Path) -> None:
    assert call("rules", "import", artefacts / f"{CURRENT}.zip").exit_code == 0
    invoice = SAMPLES / "peppol" / "invoice-office.xml"
    (before,) = objects(call("invoices", "validate", "--json", invoice))
    assert call("rules", "activate", CURRENT, "--from", "2030-01-01").exit_code == 0
    (still,) = objects(call("invoices", "validate", "--json", invoice))
    assert call("rules", "activate", CURRENT, "--from", "2026-08-24").exit_code == 0
    (after,) = objects(call("invoices", "validate", "--json", invoice))
    assert before["pack"] == still["pack"] == "hub-peppol-billing-3.0.16"
    assert after["pack"] == CURRENT
    assert after["superseded"] is False
    assert after["verdict"] == "valid"


def test_a_pack_is_named_after_its_file_unless_it_is_given_a_name(call: Call, artefacts: Path) -> None:
    call("rules", "import", artefacts / "peppol-billing-3.0.20.zip")
    call("rules", "import", artefacts / "peppol-billing-3.0.20.zip", "--name", "billing-november")
    names = {each["name"] for each in objects(call("rules", "list", "--json"))}
    assert {"peppol-billing-3.0.20", "billing-november"} <= names


def test_a_file_with_another_digest_than_stated_is_refused(call: Call, artefacts: Path) -> None:
    file = artefacts / f"{CURRENT}.zip"
    refused = call("rules", "import", file, "--sha256", "0" * 64)
    assert refused.exit_code == 2
    assert CURRENT not in {each["name"] for each in objects(call("rules", "list", "--json"))}
    assert call("rules", "import", file, "--sha256", hashlib.sha256(file.read_bytes()).hexdigest()).exit_code == 0


def test_other_bytes_under_a_known_name_are_refused_unless_replaced(call: Call, artefacts: Path) -> None:
    call("rules", "import", artefacts / f"{CURRENT}.zip")
    other = artefacts / "peppol-billing-3.0.20.zip"
    assert call("rules", "import", other, "--name", CURRENT).exit_code == 2
    assert call("rules", "import", other, "--name", CURRENT, "--replace").exit_code == 0


def test_a_file_that_is_no_rule_pack_is_refused(call: Call) -> None:
    refused = call("rules", "import", SAMPLES / "peppol" / "invoice-office.xml")
    assert refused.exit_code == 2
    assert "invoice-office.xml" in refused.output


def test_the_difference_of_two_editions_names_the_rules(call: Call, artefacts: Path) -> None:
    for name in ("peppol-billing-3.0.20", CURRENT):
        call("rules", "import", artefacts / f"{name}.zip")
    (layers,) = objects(call("rules", "diff", "peppol-billing-3.0.20", CURRENT, "--json"))
    assert layers["en16931"]["removed"] == ["BR-CO-25"]
    assert "PEPPOL-COMMON-R057" in layers["peppol"]["added"]


@pytest.mark.parametrize("layer", ["en16931", "peppol"])
def test_rules_run_alone_over_a_fragment_tell_what_fired(
    call: Call, artefacts: Path, tmp_path: Path, layer: str
) -> None:
    call("rules", "import", artefacts / f"{CURRENT}.zip")
    namespaces = (
        'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
        'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
    )
    (tmp_path / "fragment.xml").write_text(f"<Invoice {namespaces}><cbc:ID/></Invoice>")
    result = call("rules", "run", "--pack", CURRENT, "--layer", layer, "--json", tmp_path / "fragment.xml")
    assert result.exit_code == 1
    (told,) = objects(result)
    fired = {each["rule"] for each in told["findings"]}
    assert {"en16931": "BR-01", "peppol": "PEPPOL-EN16931-R008"}[layer] in fired
    assert {each["layer"] for each in told["findings"]} == {layer}


def test_a_layer_that_the_pack_lacks_is_a_usage_error_that_names_those_it_has(call: Call) -> None:
    refused = call("rules", "run", "--pack", "hub-svefaktura-1.0", "--layer", "peppol", SAMPLES / "peppol")
    assert refused.exit_code == 2
    assert "svefaktura" in refused.output


def test_an_end_before_the_beginning_is_refused(call: Call) -> None:
    refused = call("rules", "activate", "hub-svefaktura-1.0", "--from", "2027-01-01", "--to", "2026-01-01")
    assert refused.exit_code == 2
