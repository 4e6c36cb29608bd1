"""`hub rules`: the editions that judge: imported, compared, activated; and rules run alone for those who write them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import click
from xmlrules import (
    Judge,
    Judgement,
    LayerDiff,
    Pack,
    PackBroken,
    PackRefused,
    Severity,
    Verdict,
    diff_packs,
    import_pack,
)
from xmlrules import list_packs as packs_in

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, opened, pack_named, progress, say, table
from hub.cli.paths import each_file, in_order
from hub.cli.users import who
from hub.domain.calendar import city_day
from hub.domain.identifiers import masked
from hub.flow.archives import archived, share
from hub.store import audit, rule_packs
from hub.store.database import now
from hub.store.rule_packs import Activation

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def rules() -> None:
    """The rule packs that judge invoices."""


@rules.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What the pack shall be called. Default: the file's name without its ending.")
@click.option("--sha256", help="The digest the file must have; anything else is refused.")
@click.option("--replace", is_flag=True, help="Let it stand instead of a pack of the same name with other bytes.")
@click.pass_obj
def import_(home: Path, file: Path, name: str | None, sha256: str | None, replace: bool) -> None:
    """Take in a rule pack as its publisher ships it: a zip of Schematron, XSLT or XSD files, or one such file.

    Importing changes no verdict; `hub rules activate` does.
    """
    with opened(home) as hub:
        try:
            pack = import_pack(file, hub.packs, name=name, sha256=sha256, replace=replace)
        except PackRefused as error:
            raise Wrong(f"{file}: {error}") from None
        _remember(hub, pack)
        say(f"Imported [bold]{pack.name}[/]: {pack.family}, {len(pack.rules)} rules, sha256 {pack.digest}")
        say(f"It judges nothing yet. hub rules activate {pack.name} --from YYYY-MM-DD lets it.")


@rules.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """All packs, and from when to when each judges."""
    with opened(home) as hub, hub.database.read() as connection:
        known, today = rule_packs.every(connection), city_day(now(connection))
        broken: list[PackBroken] = []
        packs = packs_in(hub.packs, broken)
        judging = {each.name for pack in packs if (each := rule_packs.in_force(connection, pack.family, today))}
        if as_json:
            for pack in packs:
                emit(_object(pack, known.get(pack.name), pack.name in judging))
        else:
            rows = [_row(pack, known.get(pack.name), pack.name in judging) for pack in packs]
            table(("pack", "family", "rules", "from", "to", "now", "sha256"), rows, "There are no packs.")
        for fault in broken:
            if as_json:
                emit({"broken": fault.reason})
            else:
                say(f"[red]{escape(fault.reason)}[/]")
    sys.exit(Exit.FINDINGS if broken else Exit.FINE)


@rules.command()
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def diff(home: Path, old: str, new: str, as_json: bool) -> None:
    """What differs between two packs: rules added, removed, changed, and changed in severity."""
    with opened(home) as hub:
        found = diff_packs(pack_named(hub, old), pack_named(hub, new))
    if as_json:
        emit({each.layer: _changes(each) for each in found})
        return
    for layer in found:
        say(f"[bold]{layer.layer}[/]")
        for what, ids in _changes(layer).items():
            if ids:
                say(f"  {what} {len(ids)}: {', '.join(ids)}")
    if not found:
        say("The packs hold the same rules.")


@rules.command()
@click.argument("name")
@click.option("--from", "begins", type=_DAY, help="The first day it judges. Default: today.")
@click.option("--to", "ends", type=_DAY, help="The last day it judges. Default: until another begins.")
@click.option("--off", is_flag=True, help="Let it judge nothing any more.")
@click.pass_obj
def activate(home: Path, name: str, begins: datetime | None, ends: datetime | None, off: bool) -> None:
    """Let a pack judge, from a day on. Of several in force the one that began last judges."""
    with opened(home) as hub:
        pack = pack_named(hub, name)
        archive = archived(pack)
        with hub.database.write() as connection:
            first = None if off else (begins.date() if begins else city_day(now(connection)))
            last = ends.date() if ends and not off else None
            if first and last and last < first:
                raise click.UsageError(f"--to {last} lies before --from {first}")
            rule_packs.keep(connection, name, pack.family, pack.digest, active_from=first, active_to=last, by=who())
            share(connection, pack, archive)
            audit.write(connection, who(), "activate", f"pack {name}", {"from": str(first), "to": str(last)})
        say(f"{name} judges nothing." if off else f"{name} judges {pack.family} from {first}.")


@rules.command("run")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pack", "pack_name", required=True, help="The pack whose rules to run.")
@click.option("--layer", "layer_names", multiple=True, help="Only this layer. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each document.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that run the rules.")
@click.pass_obj
def run(
    home: Path,
    paths: tuple[Path, ...],
    pack_name: str,
    layer_names: tuple[str, ...],
    as_json: bool,
    processes: int | None,
) -> None:
    """Run rules alone over documents or fragments: no XSD, no envelope looked for, nothing landed.

    Without --layer all rule layers run but variants (peppol-selfbilling beside peppol), which are asked for by name.

    Exit code 0 when no rule fires, 1 when some do, 3 when some documents could not be judged.
    """
    with opened(home) as hub:
        pack = pack_named(hub, pack_name)
        layers = layer_names or _usual_layers(pack)
        _demand_layers(pack, layers)
        sys.exit(_run(hub, pack, layers, paths, as_json, processes))


def _run(
    hub: Hub, pack: Pack, layers: Sequence[str], paths: Sequence[Path], as_json: bool, processes: int | None
) -> Exit:
    worst = Exit.FINE
    workers = processes or hub.settings.worker.judges
    with hub.judge(workers) as judge, progress() as bar:
        task = bar.add_task("running rules", total=None)
        files = each_file(paths, lambda number: bar.update(task, total=number))
        found = in_order(lambda file: (file, _judged(judge, file, pack, layers)), files, workers + 1)
        for file, judgement in found:
            _show(file, judgement, as_json)
            worst = max(worst, _exit(judgement))
            bar.advance(task)
    return worst


def _judged(judge: Judge, file: Path, pack: Pack, layers: Sequence[str]) -> Judgement:
    try:
        content = file.read_bytes()
    except OSError as error:
        why = f"the file cannot be read: {error.strerror}"
        return Judgement(Verdict.not_judged, (), (), 0, why, pack.name, pack.digest)
    return judge.judge(content, pack.folder, layers)


def _exit(judgement: Judgement) -> Exit:
    if judgement.verdict is Verdict.not_judged:
        return Exit.NOT_JUDGED
    return Exit.FINDINGS if judgement.findings else Exit.FINE


def _show(file: Path, judgement: Judgement, as_json: bool) -> None:
    if as_json:
        emit(_judgement_object(file, judgement))
        return
    say(f"[bold]{escape(str(file))}[/] {judgement.findings_total} findings {escape(judgement.reason)}")
    for each in judgement.findings:
        colour = "red" if each.severity is Severity.fatal else "yellow"
        say(f"  [{colour}]{each.severity}[/] {escape(f'{each.rule} {each.location} {each.text}')}")


def _judgement_object(file: Path, judgement: Judgement) -> dict[str, object]:
    return {
        "path": str(file),
        "pack": judgement.pack,
        "pack_sha256": judgement.pack_digest,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "findings": [
            {
                "rule": each.rule,
                "severity": each.severity.value,
                "layer": each.layer,
                "location": each.location,
                "line": each.line,
                "value": masked(each.value),
                "text": each.text,
            }
            for each in judgement.findings
        ],
        "findings_total": judgement.findings_total,
    }


def _usual_layers(pack: Pack) -> tuple[str, ...]:
    names = [each.name for each in pack.layers if each.kind != "xsd"]
    return tuple(name for name in names if not any(name.startswith(f"{other}-") for other in names))


def _demand_layers(pack: Pack, layers: Sequence[str]) -> None:
    known = [each.name for each in pack.layers if each.kind != "xsd"]
    unknown = [each for each in layers if each not in known]
    if unknown or not layers:
        raise click.UsageError(f"{pack.name} has no layer {', '.join(unknown)}; it has {', '.join(known) or 'none'}")


def _remember(hub: Hub, pack: Pack) -> None:
    archive = archived(pack)
    with hub.database.write() as connection:
        before = rule_packs.every(connection).get(pack.name)
        if before and before.digest != pack.digest:
            before = None
        rule_packs.keep(
            connection,
            pack.name,
            pack.family,
            pack.digest,
            active_from=before.active_from if before else None,
            active_to=before.active_to if before else None,
            by=who(),
        )
        share(connection, pack, archive)
        audit.write(connection, who(), "import", f"pack {pack.name}", {"sha256": pack.digest})


def _row(pack: Pack, known: Activation | None, judging: bool) -> list[object]:
    begins, ends = _days(known)
    state = ("judges" if judging else "") + (" (superseded edition, import the current one)" if pack.superseded else "")
    return [pack.name, pack.family, len(pack.rules), begins, ends, state, pack.digest[:12]]


def _object(pack: Pack, known: Activation | None, judging: bool) -> dict[str, object]:
    begins, ends = _days(known)
    return {
        "name": pack.name,
        "family": pack.family,
        "version": pack.version,
        "sha256": pack.digest,
        "fetched": pack.fetched,
        "superseded": pack.superseded,
        "layers": [each.name for each in pack.layers],
        "rules": len(pack.rules),
        "from": begins,
        "to": ends,
        "judges": judging,
    }


def _days(known: Activation | None) -> tuple[date | None, date | None]:
    return (known.active_from, known.active_to) if known else (None, None)


def _changes(layer: LayerDiff) -> Mapping[str, Sequence[str]]:
    return {
        "added": layer.added,
        "removed": layer.removed,
        "changed": layer.changed,
        "severity_changed": layer.severity_changed,
    }
