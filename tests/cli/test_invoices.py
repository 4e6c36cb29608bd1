"""`hub invoices validate`: one JSON object a line, exit codes that can be relied on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import SAMPLES, Call, objects


def test_a_valid_invoice_ends_with_exit_code_0_and_says_which_layers_passed(call: Call) -> None:
    result = call("invoices", "validate", "--json", SAMPLES / "peppol" / "invoice-office.xml")
    assert result.exit_code == 0, result.output
    (told,) = objects(result)
    assert told["verdict"] == "valid"
    assert told["layers"] == {"xml": "passed", "xsd": "passed", "en16931": "passed", "peppol": "passed"}
    assert told["pack"] == "hub-peppol-billing-3.0.16"
    assert told["superseded"] is True
    assert len(told["pack_sha256"]) == 64


def test_a_broken_rule_is_told_with_place_and_words_in_both_languages(call: Call, tmp_path: Path) -> None:
    good = (SAMPLES / "peppol" / "invoice-office.xml").read_text()
    begin, end = good.index("<cbc:ID>"), good.index("</cbc:ID>")
    (tmp_path / "bad.xml").write_text(good[:begin] + "<cbc:ID>" + good[end:])
    result = call("invoices", "validate", "--json", tmp_path / "bad.xml")
    assert result.exit_code == 1
    (told,) = objects(result)
    assert told["verdict"] == "invalid"
    finding = next(each for each in told["findings"] if each["rule"] == "BR-02")
    assert finding["severity"] == "fatal"
    assert finding["layer"] == "en16931"
    assert finding["location"].endswith("Invoice")
    assert finding["line"]
    assert finding["text"] == finding["texts"]["sv"]
    assert finding["texts"]["sv"] != finding["texts"]["en"]
    assert finding["remedies"]["sv"]
    assert finding["official"].startswith("[BR-02]")


def test_a_folder_is_judged_file_by_file_in_order(call: Call) -> None:
    result = call("invoices", "validate", "--json", SAMPLES / "peppol", SAMPLES / "envelopes")
    paths = [each["path"] for each in objects(result)]
    assert [Path(each).parent.name for each in paths] == ["peppol"] * 3 + ["envelopes"] * 6
    assert paths == sorted(paths[:3]) + sorted(paths[3:])
    assert {each["verdict"] for each in objects(result)} == {"valid"}


def test_what_cannot_be_judged_ends_with_exit_code_3_and_its_reason(call: Call) -> None:
    result = call("invoices", "validate", "--json", SAMPLES / "bad" / "unknown-root.xml")
    assert result.exit_code == 3
    (told,) = objects(result)
    assert told["verdict"] == "not_judged"
    assert told["reason"]
    assert [each["rule"] for each in told["findings"]] == ["FORMAT-UNKNOWN"]


def test_bytes_that_are_no_xml_are_invalid_and_the_other_layers_skipped(call: Call) -> None:
    result = call("invoices", "validate", "--json", SAMPLES / "bad" / "pdf-renamed.xml")
    assert result.exit_code == 1
    (told,) = objects(result)
    assert told["layers"] == {"xml": "failed", "xsd": "skipped", "rules": "skipped"}


@pytest.mark.parametrize("arguments", [("nowhere.xml",), (SAMPLES / "peppol", "--pack", "no-such-pack"), ()])
def test_a_call_that_makes_no_sense_ends_with_exit_code_2(call: Call, arguments: tuple[object, ...]) -> None:
    assert call("invoices", "validate", *arguments).exit_code == 2


def test_a_pack_that_was_tampered_with_judges_nothing(call: Call, home: Path) -> None:
    rules = next((home / "rules" / "hub-peppol-billing-3.0.16").rglob("PEPPOL*.xsl"))
    call("rules", "import", rules, "--name", "theirs")
    kept = next((home / "rules" / "theirs").rglob("*.xsl"))
    kept.write_bytes(kept.read_bytes() + b"<!-- -->")
    refused = call("invoices", "validate", "--pack", "theirs", SAMPLES / "peppol" / "invoice-office.xml")
    assert refused.exit_code == 2
    assert "other files than were imported" in refused.output


def test_a_pack_of_the_plugins_that_was_tampered_with_is_made_anew(call: Call, home: Path) -> None:
    rules = next((home / "rules" / "hub-peppol-billing-3.0.16").rglob("PEPPOL*.xsl"))
    call("init")
    sound = rules.read_bytes()
    rules.write_bytes(sound + b"<!-- -->")
    assert call("invoices", "validate", SAMPLES / "peppol" / "invoice-office.xml").exit_code == 0
    assert rules.read_bytes() == sound


def test_a_pack_that_broke_on_this_machine_is_fetched_anew_before_it_judges(
    call: Call, home: Path, artefacts: Path
) -> None:
    call("rules", "import", artefacts / "svefaktura-1.0.zip")
    call("rules", "activate", "svefaktura-1.0")
    kept = next((home / "rules" / "svefaktura-1.0").rglob("*.xslt"))
    kept.write_bytes(kept.read_bytes() + b"<!-- -->")
    result = call("invoices", "validate", "--json", SAMPLES / "svefaktura" / "good-invoice-380.xml")
    assert result.exit_code == 0
    (told,) = objects(result)
    assert told["verdict"] == "valid"
    assert b"<!-- -->" not in kept.read_bytes()
