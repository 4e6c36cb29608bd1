"""`hub invoices`: judge invoices from the command line, without landing them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, err, escape, opened, pack_named, progress, say
from hub.cli.paths import each_file, in_order
from hub.domain.identifiers import masked
from hub.flow.editions import SCHEMAS
from hub.flow.read import Edition, Editions, Rules, judge, unjudged, unreadable_for_size
from hub.store.judgements import KeptFinding, KeptJudgement

_MARKS = {"valid": "[green]✓[/]", "invalid": "[red]✗[/]", "not_judged": "[yellow]?[/]"}


@click.group()
def invoices() -> None:
    """Judge invoices."""


@invoices.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pack", "packs", multiple=True, help="Judge by this pack instead of the one in force. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each document.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that run the rules.")
@click.pass_obj
def validate(home: Path, paths: tuple[Path, ...], packs: tuple[str, ...], as_json: bool, processes: int | None) -> None:
    """Judge files, or all files in folders, by the official rules. Nothing is landed or sent.

    Exit code 0 when every document is valid, 1 when some are not, 3 when some could not be judged.
    """
    with opened(home) as hub:
        sys.exit(_validate(hub, paths, packs, as_json, processes))


@dataclass(frozen=True, slots=True)
class NamedEditions:
    """The packs named on the command line, before those in force."""

    named: dict[str, Edition]
    in_force: Editions

    def edition(self, family: str) -> Edition | None:
        """The edition that judges that family."""
        return self.named.get(family) or self.in_force.edition(family)


def editions_of(hub: Hub, packs: Sequence[str]) -> NamedEditions:
    """The editions to judge by when these packs are named."""
    named: dict[str, Edition] = {}
    for name in packs:
        pack = pack_named(hub, name)
        named[pack.family] = Edition(pack.name, pack.folder, pack.superseded, _schemas(hub))
    return NamedEditions(named, hub.editions)


def _schemas(hub: Hub) -> Path | None:
    lender = hub.editions.edition(SCHEMAS)
    return lender.folder if lender else None


def _validate(hub: Hub, paths: Sequence[Path], packs: Sequence[str], as_json: bool, processes: int | None) -> Exit:
    editions = editions_of(hub, packs)
    if "invoices" not in hub.plugins.formats:
        raise Wrong("no plugin that reads invoices loads; hub status tells why")
    worst, number = Exit.FINE, 0
    workers = processes or hub.settings.worker.judges
    with hub.judge(workers) as rules, progress() as bar:
        task = bar.add_task("judging", total=None)
        files = each_file(paths, lambda number: bar.update(task, total=number))
        judged = in_order(lambda file: (file, _judged(hub, file, rules, editions)), files, workers + 1)
        for file, judgement in judged:
            _show(hub, file, judgement, as_json)
            number += 1
            worst = max(worst, _EXITS[judgement.verdict])
            bar.advance(task)
    if number == 0:
        raise Wrong("there is no file to judge")
    return worst


_EXITS = {"valid": Exit.FINE, "invalid": Exit.FINDINGS, "not_judged": Exit.NOT_JUDGED}


def _judged(hub: Hub, file: Path, rules: Rules, editions: Editions) -> KeptJudgement:
    try:
        size = file.stat().st_size
        if size > hub.limits.max_bytes:
            return unreadable_for_size(size, hub.limits.max_bytes, hub.plugins).judgement
        content = file.read_bytes()
    except OSError as error:
        return unjudged(f"the file cannot be read: {error.strerror}")
    return judge(content, hub.plugins.formats["invoices"], rules, editions).judgement


def _show(hub: Hub, file: Path, judgement: KeptJudgement, as_json: bool) -> None:
    if as_json:
        emit(as_object(hub, file, judgement))
        return
    by = escape(judgement.pack) or "no pack"
    say(f"{_MARKS[judgement.verdict]} {escape(str(file))} [dim]{judgement.verdict} · {by}[/]")
    if judgement.reason:
        say(f"   [yellow]{escape(judgement.reason)}[/]")
    for finding in judgement.findings:
        said = hub.plugins.explain(finding.rule, finding.text, finding.location, masked(finding.value))
        language = hub.settings.language
        line = f"{finding.line}: " if finding.line else ""
        problem, remedy = escape(said.problem.in_language(language)), escape(said.remedy.in_language(language))
        say(f"   {line}{finding.severity} [bold]{escape(finding.rule)}[/] {problem}")
        say(f"      [dim]{remedy}[/]")
    if judgement.findings_total > len(judgement.findings):
        err.print(f"   … and {judgement.findings_total - len(judgement.findings)} more findings")


def as_object(hub: Hub, file: Path, judgement: KeptJudgement) -> dict[str, object]:
    """The judgement as `--json` writes it."""
    return {
        "path": str(file),
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "format": judgement.format,
        "pack": judgement.pack,
        "pack_sha256": judgement.pack_digest,
        "superseded": judgement.pack_superseded,
        "layers": {name: outcome for name, (outcome, _) in judgement.layers.items()},
        "because": {name: because for name, (_, because) in judgement.layers.items() if because},
        "findings": [finding_object(hub, each) for each in judgement.findings],
        "findings_total": judgement.findings_total,
    }


def finding_object(hub: Hub, finding: KeptFinding) -> dict[str, object]:
    """A finding as `--json` writes it: `text` in the hub's language, `texts` and `remedies` in both."""
    value = masked(finding.value)
    said = hub.plugins.explain(finding.rule, finding.text, finding.location, value)
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "layer": finding.layer,
        "location": finding.location,
        "line": finding.line,
        "value": value,
        "text": said.problem.in_language(hub.settings.language),
        "texts": {"sv": said.problem.sv, "en": said.problem.en},
        "remedies": {"sv": said.remedy.sv, "en": said.remedy.en},
        "official": finding.text,
    }
