"""Layered checking of XML documents: safe parse, then XSD, then Schematron, under dated rule packs."""

from .findings import Finding, Judgement, LayerResult, Outcome, Severity, Verdict
from .importing import LayerSource, PackRefused, build_pack, import_pack
from .judging import judge_here
from .packs import (
    LayerDiff,
    LayerSpec,
    Pack,
    PackBroken,
    RuleInfo,
    diff_packs,
    in_force,
    list_packs,
    load_pack,
)
from .pool import Judge
from .safe import Limits, Unsafe, parse
from .schematron import Stylesheet, Unsupported, compile_schematron

__all__ = [
    "Finding",
    "Judge",
    "Judgement",
    "LayerDiff",
    "LayerResult",
    "LayerSource",
    "LayerSpec",
    "Limits",
    "Outcome",
    "Pack",
    "PackBroken",
    "PackRefused",
    "RuleInfo",
    "Severity",
    "Stylesheet",
    "Unsafe",
    "Unsupported",
    "Verdict",
    "build_pack",
    "compile_schematron",
    "diff_packs",
    "import_pack",
    "in_force",
    "judge_here",
    "list_packs",
    "load_pack",
    "parse",
]
