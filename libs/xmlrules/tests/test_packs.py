"""A pack is imported whole or not at all, known by its bytes, chosen by date and compared rule by rule."""

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xmlrules import (
    Pack,
    PackBroken,
    PackRefused,
    Severity,
    Verdict,
    diff_packs,
    import_pack,
    in_force,
    judge_here,
    list_packs,
    load_pack,
)
from xmlrules.packs import digest_of, write_pack

Maker = Callable[..., Pack]
Official = Callable[[str], Path]
HEAD = '<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">'
RULES = HEAD + '<pattern><rule context="a"><assert id="A" test="b">no b</assert></rule></pattern></schema>'


def zipped(folder: Path, files: dict[str, str | bytes], name: str = "rules-1.2.zip") -> Path:
    file = folder / name
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return file


def left(home: Path) -> list[str]:
    return sorted(one.name for one in home.iterdir()) if home.exists() else []


def test_a_single_schematron_becomes_a_pack_named_after_its_file(tmp_path: Path) -> None:
    file = tmp_path / "city-rules.sch"
    file.write_text(RULES)
    pack = import_pack(file, tmp_path / "home", valid_from=date(2026, 8, 17), fetched=date(2026, 6, 1))
    assert (pack.name, pack.family, pack.fetched) == ("city-rules", "other", date(2026, 6, 1))
    assert [(layer.name, layer.kind) for layer in pack.layers] == [("city-rules", "sch")]
    assert [(rule.id, rule.severity, rule.text) for rule in pack.rules] == [("A", Severity.fatal, "no b")]
    assert load_pack(tmp_path / "home", "city-rules") == pack
    assert judge_here(b"<a/>", pack.folder).verdict is Verdict.invalid


def test_layers_and_family_are_recognised_by_the_names_of_the_official_files(tmp_path: Path) -> None:
    names = ("CEN-EN16931-UBL", "PEPPOL-EN16931-UBL", "PEPPOL-EN16931-UBL-SB", "PEPPOLBIS-T111")
    file = zipped(tmp_path, {f"x/{name}.sch": RULES for name in names})
    pack = import_pack(file, tmp_path / "home")
    assert {layer.name for layer in pack.layers} == {"en16931", "peppol", "peppol-selfbilling", "T111"}
    assert (pack.family, pack.version) == ("peppol-billing", "1.2")


def test_the_digest_is_over_paths_and_contents() -> None:
    one = {"a": "1", "b": "2"}
    assert digest_of(one) == digest_of({"b": "2", "a": "1"})
    assert len({digest_of(one), digest_of({"a": "2", "b": "1"}), digest_of({"a": "1"})}) == 3


def test_the_expected_sha256_is_demanded(tmp_path: Path) -> None:
    file = zipped(tmp_path, {"a.sch": RULES})
    with pytest.raises(PackRefused, match="fetch it again"):
        import_pack(file, tmp_path / "home", sha256="0" * 64)
    assert left(tmp_path / "home") == []
    right = hashlib.sha256(file.read_bytes()).hexdigest().upper()
    assert import_pack(file, tmp_path / "home", sha256=right).rules


UNSAFE_NAMES = ["../a.sch", "/a.sch", "x/../../a.sch", "C:\\a.sch", "..\\a.sch"]


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_a_zip_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    file = zipped(tmp_path, {"ok.sch": RULES, name: RULES})
    with pytest.raises(PackRefused, match="plain file in its folder"):
        import_pack(file, tmp_path / "home")
    assert left(tmp_path / "home") == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.sch")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PackRefused, match="plain file"):
        import_pack(tmp_path / "l.zip", tmp_path / "home")


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path, {"a.sch": b"\0" * 20_000_000})
    with pytest.raises(PackRefused, match="times its size"):
        import_pack(file, tmp_path / "home")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rules.pdf", b"%PDF-1.7", "neither a zip"),
        ("rules.zip", b"PK\x03\x04 cut", "not a readable zip"),
        ("rules.sch", b"<schema", "not a readable schema"),
        ("rules.sch", HEAD.encode() + b"</schema>", "holds no rule"),
        ("rules.sch", RULES.replace("<pattern>", "<pattern><group/>").encode(), "group"),
        ("rules.sch", RULES.replace('test="b"', 'test="b ==="').encode(), "layer rules"),
        ("rules.xsl", b"<html/>", "not a stylesheet"),
        ("rules.xsl", b'<x:stylesheet version="2.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"/>', "no SVRL"),
        ("rules.xsd", b'<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"/>', "no root element"),
        (
            "rules.xsd",
            b'<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:element name="a" type="none"/></x:schema>',
            "cannot be used",
        ),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_is_left(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PackRefused) as caught:
        import_pack(tmp_path / name, tmp_path / "home")
    assert said in caught.value.reason
    assert left(tmp_path / "home") == []


def test_a_zip_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackRefused, match="not a rule pack"):
        import_pack(zipped(tmp_path, {"readme.txt": "x"}), tmp_path / "home")


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "x" * 200])
def test_a_pack_name_is_a_plain_word(tmp_path: Path, name: str) -> None:
    file = zipped(tmp_path, {"a.sch": RULES}, name="?.zip")
    with pytest.raises(PackRefused, match="cannot be a pack's name"):
        import_pack(file, tmp_path / "home", name=name)


def test_other_bytes_under_a_taken_name_need_to_be_asked_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = import_pack(zipped(tmp_path, {"a.sch": RULES}), home)
    again = import_pack(zipped(tmp_path, {"a.sch": RULES}), home, valid_from=date(2026, 1, 1))
    assert (again.digest, again.valid_from) == (first.digest, date(2026, 1, 1))
    other = zipped(tmp_path, {"a.sch": RULES.replace("no b", "no b here")})
    with pytest.raises(PackRefused, match="other bytes"):
        import_pack(other, home)
    assert load_pack(home, first.name).digest == first.digest
    assert import_pack(other, home, replace=True).digest != first.digest
    assert left(home) == [first.name]


def test_a_replaced_pack_is_judged_by_its_new_rules(tmp_path: Path, pack_maker: Maker) -> None:
    document = b'<order xmlns="urn:order"><line>1</line></order>'
    assert judge_here(document, pack_maker(tmp_path).folder).verdict is Verdict.valid
    rules = '<pattern><rule context="/*"><report id="NEVER" test="true()">no</report></rule></pattern>'
    folder = pack_maker(tmp_path, rules=rules, replace=True).folder
    assert [one.rule for one in judge_here(document, folder).findings] == ["NEVER"]


def test_a_pack_whose_files_changed_is_broken(tmp_path: Path, pack_maker: Maker) -> None:
    pack = pack_maker(tmp_path)
    (pack.folder / "extra.txt").write_text("x")
    with pytest.raises(PackBroken, match="other files"):
        load_pack(tmp_path, pack.name)


def test_one_unreadable_pack_does_not_hide_the_others(tmp_path: Path, pack_maker: Maker) -> None:
    pack_maker(tmp_path, "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "pack.json").write_text("{")
    broken: list[PackBroken] = []
    assert [pack.name for pack in list_packs(tmp_path, broken)] == ["one"]
    assert "two" in broken[0].reason
    with pytest.raises(PackBroken):
        list_packs(tmp_path)


def dated(name: str, start: date | None, end: date | None, superseded: bool = False) -> Pack:
    return Pack(name, "f", "1", date(2026, 1, 1), start, end, superseded, (), (), name, Path(name))


def test_the_latest_edition_that_holds_on_the_day_is_in_force() -> None:
    packs = [
        dated("built-in", None, None, superseded=True),
        dated("old", date(2025, 11, 1), None),
        dated("new", date(2026, 8, 17), None),
        dated("ended", date(2026, 9, 1), date(2026, 9, 2)),
    ]

    def on(day: date) -> str:
        found = in_force(packs, "f", day)
        return found.name if found else ""

    assert on(date(2020, 1, 1)) == "built-in"
    assert on(date(2026, 8, 16)) == "old"
    assert on(date(2026, 8, 17)) == "new"
    assert on(date(2026, 9, 2)) == "ended"
    assert on(date(2026, 9, 3)) == "new"
    assert in_force(packs, "other", date(2026, 8, 17)) is None


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))


@given(st.lists(st.tuples(st.none() | DAYS, st.none() | DAYS), max_size=6), DAYS)
def test_what_is_in_force_holds_and_nothing_later_does(spans: list[tuple[date | None, date | None]], day: date) -> None:
    packs = [dated(str(number), start, end) for number, (start, end) in enumerate(spans)]
    holding = [one for one in packs if (one.valid_from or date.min) <= day <= (one.valid_to or date.max)]
    found = in_force(packs, "f", day)
    assert (found is None) == (not holding)
    if found:
        assert found in holding
        assert all((one.valid_from or date.min) <= (found.valid_from or date.min) for one in holding)


def test_the_difference_of_two_packs_is_told_by_rule(tmp_path: Path) -> None:
    def pack(name: str, *checks: str) -> Pack:
        body = "".join(checks)
        source = (
            f'{HEAD}<let name="c" value="{len(checks)}"/><pattern><rule context="a">{body}</rule></pattern></schema>'
        )
        return import_pack(zipped(tmp_path, {"r.sch": source}), tmp_path / "home", name=name)

    same = '<assert id="SAME" test="b">s</assert>'
    old = pack(
        "old", same, '<assert id="GONE" test="b"/>', '<assert id="T" test="b">t</assert>', '<assert id="L" test="$c"/>'
    )
    new = pack(
        "new",
        same,
        '<assert id="NEW" test="b"/>',
        '<assert id="T" flag="warning" test="c">u</assert>',
        '<assert id="L" test="$c"/>',
        '<assert id="N2" test="b"/>',
    )
    (diff,) = diff_packs(old, new)
    assert (diff.layer, diff.added, diff.removed) == ("r", ("N2", "NEW"), ("GONE",))
    assert (diff.changed, diff.severity_changed, diff.text_changed) == (("L", "T"), ("T",), ("T",))
    assert diff_packs(old, old) == ()


def test_pack_json_is_readable_by_people(tmp_path: Path, pack_maker: Maker) -> None:
    pack = pack_maker(tmp_path)
    told = json.loads((pack.folder / "pack.json").read_text())
    assert told["name"] == "orders"
    write_pack(pack, pack.folder)
    assert load_pack(tmp_path, "orders") == pack


@pytest.mark.parametrize(
    ("name", "family", "layers", "rules"),
    [
        ("peppol-billing-3.0.20", "peppol-billing", {"en16931", "peppol"}, 1138),
        (
            "peppol-postaward-3.0.17",
            "peppol-postaward",
            {f"T{n}" for n in ("01", "110", "111", "114", "115", "116", "16", "19", "58", "71", "76", "77")},
            2053,
        ),
        ("svefaktura-1.0", "svefaktura", {"xsd", "svefaktura"}, 103),
        ("ubl-2.1-xsd", "ubl-xsd", {"xsd"}, 0),
    ],
)
def test_the_official_archives_import(
    official: Official, tmp_path: Path, name: str, family: str, layers: set[str], rules: int
) -> None:
    pack = import_pack(official(f"artefacts/{name}.zip"), tmp_path)
    assert (pack.family, {one.name for one in pack.layers}, len(pack.rules)) == (family, layers, rules)
    assert all(rule.text and "NO-ID" not in rule.id for rule in pack.rules)


def test_the_schema_layer_knows_its_roots(official: Official, tmp_path: Path) -> None:
    pack = import_pack(official("artefacts/ubl-2.1-xsd.zip"), tmp_path)
    ubl = "urn:oasis:names:specification:ubl:schema:xsd:"
    assert {f"{{{ubl}Invoice-2}}Invoice", f"{{{ubl}ApplicationResponse-2}}ApplicationResponse"} <= pack.layers[
        0
    ].roots.keys()


def test_the_two_editions_of_peppol_billing_differ_where_they_do(official: Official, tmp_path: Path) -> None:
    old, new = (import_pack(official(f"artefacts/peppol-billing-{v}.zip"), tmp_path) for v in ("3.0.20", "3.0.21"))
    diffs = {diff.layer: diff for diff in diff_packs(old, new)}
    assert "BR-CL-01" in diffs["en16931"].changed
    assert "PEPPOL-COMMON-R054" in diffs["peppol"].added
    assert len(diffs["peppol-selfbilling"].added) == 62
