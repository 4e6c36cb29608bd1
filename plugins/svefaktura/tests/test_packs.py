"""The packs that come with the plugin: built once from what is installed, known by their bytes, and they judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hub_svefaktura import hub_connectors, hub_demonstration, hub_explain, hub_formats, hub_rule_packs
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.packs import BILLING, PACKS, SVEFAKTURA, build_billing, build_svefaktura
from xmlrules import Judge, Outcome, Pack, Verdict, import_pack, in_force, list_packs, load_pack

OURS = Path(__file__).parents[1] / "samples"
SHARED = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).parents[4] / "shared")
CURRENT = SHARED / "artefacts/peppol-billing-3.0.21.zip"
BILLING_SAMPLES = sorted([*OURS.glob("peppol/*.xml"), *OURS.glob("envelopes/*note*.xml"), *OURS.glob("envelopes/inv*")])
SVEFAKTURA_SAMPLES = sorted([*OURS.glob("svefaktura/good-[ctiw]*.xml"), *OURS.glob("envelopes/svefaktura*.xml")])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    for source in PACKS:
        source.build(folder)
    return folder


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(workers=1) as pool:
        yield pool


def test_the_billing_pack_says_that_it_is_superseded_and_what_it_holds(home: Path) -> None:
    pack = load_pack(home, BILLING)
    assert pack.superseded
    assert pack.version == "EN 16931 1.3.16, Peppol 3.0.16 (superseded: import the current edition)"
    assert pack.family == "peppol-billing"
    assert [(each.name, each.kind) for each in pack.layers] == [("xsd", "xsd"), ("en16931", "xslt"), ("peppol", "xslt")]
    roots = {root.rpartition("}")[2] for root in pack.layers[0].roots}
    assert roots == {"Invoice", "CreditNote"}


def test_the_svefaktura_pack_is_our_own_schema_and_rules(home: Path) -> None:
    pack = load_pack(home, SVEFAKTURA)
    assert not pack.superseded
    assert pack.family == "svefaktura"
    assert [(each.name, each.kind) for each in pack.layers] == [("xsd", "xsd"), ("svefaktura", "sch")]


def test_every_pack_is_built_under_the_name_and_family_it_is_announced_with(home: Path) -> None:
    announced = {(each.name, each.family) for each in hub_rule_packs()}
    assert announced == {(each.name, each.family) for each in list_packs(home)}


def test_an_imported_current_edition_goes_before_the_superseded_one(home: Path) -> None:
    ours = load_pack(home, BILLING)
    imported = replace(ours, name="a-current-edition", superseded=False)
    assert in_force([ours], "peppol-billing", date(2026, 11, 22)) == ours
    assert in_force([imported, ours], "peppol-billing", date(2026, 11, 22)) == imported


@pytest.mark.parametrize("build", [build_billing, build_svefaktura])
def test_a_pack_that_stands_there_is_left_alone(home: Path, build: Callable[[Path], Pack]) -> None:
    name = build(home).folder
    before = (name / "pack.json").stat()
    build(home)
    after = (name / "pack.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_pack_whose_files_were_changed_is_built_anew(tmp_path: Path) -> None:
    first = build_svefaktura(tmp_path)
    (first.folder / "svefaktura/svefaktura.sch").write_text("<nothing/>")
    again = build_svefaktura(tmp_path)
    assert load_pack(tmp_path, SVEFAKTURA).digest == again.digest == first.digest


@pytest.mark.parametrize("file", BILLING_SAMPLES, ids=lambda file: file.name)
def test_our_peppol_samples_are_valid_out_of_the_box(home: Path, judge: Judge, file: Path) -> None:
    _valid(judge, home / BILLING, file)


@pytest.mark.parametrize("file", SVEFAKTURA_SAMPLES, ids=lambda file: file.name)
def test_our_svefaktura_samples_are_valid_out_of_the_box(home: Path, judge: Judge, file: Path) -> None:
    _valid(judge, home / SVEFAKTURA, file)


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not CURRENT.is_file():
        pytest.skip(f"{CURRENT.name} is not here; let HUB_ARTEFACTS name the folder that holds artefacts/")
    return import_pack(CURRENT, tmp_path_factory.mktemp("current")).folder


@pytest.mark.parametrize("file", BILLING_SAMPLES, ids=lambda file: file.name)
def test_our_peppol_samples_are_valid_under_the_edition_in_force(current: Path, judge: Judge, file: Path) -> None:
    _valid(judge, current, file)


def _valid(judge: Judge, pack: Path, file: Path) -> None:
    document = file.read_bytes()
    found = INVOICES.recognise(document)
    with_schema = [each.name for each in load_pack(pack.parent, pack.name).layers if each.kind == "xsd"]
    judged = judge.judge(document, pack, [*with_schema, *found.layers], found.at)
    assert {each.outcome for each in judged.layers} == {Outcome.passed}
    assert (judged.verdict, judged.findings, judged.reason) == (Verdict.valid, (), "")


# ---------------------------------------------------------------- how the plugin presents itself


def test_the_plugin_reads_invoices() -> None:
    assert [each.noun for each in hub_formats()] == ["invoices"]


def test_every_connector_is_named_after_the_plugin() -> None:
    assert {each.name.partition(".")[0] for each in hub_connectors()} == {"svefaktura"}


def test_the_plugin_brings_one_demonstration() -> None:
    assert len(list(hub_demonstration())) == 1


def test_a_rule_is_explained_in_both_languages() -> None:
    explained = hub_explain("BR-02", "", "", "")
    assert explained is not None
    assert explained.problem.sv
    assert explained.problem.sv != explained.problem.en
    assert explained.remedy.sv != explained.remedy.en


def test_a_rule_nobody_here_has_written_about_is_left_to_other_plugins() -> None:
    assert hub_explain("NOT-A-RULE-OF-OURS", "something", "", "") is None
