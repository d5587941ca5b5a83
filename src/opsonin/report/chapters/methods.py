"""Chapter 9: the model, its numbers and their sources, the methods, the study, and how to get this again."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from opsonin.errors import ReportError
from opsonin.report import words
from opsonin.report.commands import cohort_command, why_command
from opsonin.report.content import Block, Chapter, Code, Equations, Lines, Picture, Table, Text
from opsonin.report.context import Context
from opsonin.report.diagram import svg
from opsonin.report.mathml import mathml

NAME, TITLE = "methods", "Methods and provenance"


def chapter(context: Context) -> Chapter:
    """How to reproduce, methods, assumptions, model, study file, rows left out."""
    blocks: list[Block] = [_reproduce(context), _provenance(context)]
    methods = _methods(context)
    if methods is not None:
        blocks.append(methods)
    manifest = context.manifest
    if manifest.assumptions:
        lines = [("", sentence_of(item)) for item in manifest.assumptions]
        blocks.append(Lines(lines, f"What is assumed or calibrated ({len(lines)})", folded=len(lines) > 12))
    blocks += _model(manifest.model or {})
    if manifest.study:
        title = "The study file, as it was run" if context.virtual else "The mapping file"
        blocks.append(Code(title, manifest.study, folded=True))
    blocks += _left_out(context)
    if manifest.notes:
        blocks.append(Lines([("", words.sentence(str(note))) for note in manifest.notes], "Notes on the data"))
    told = context.findings if "discovery" not in context.questions else [
        f for f in context.findings if not f.name.startswith("note.discovery")  # its summary says these
    ]  # fmt: skip
    notes = list(dict.fromkeys(f.note for f in told if f.name.startswith("note.") and f.note))
    if notes:
        blocks.append(Lines([("", words.sentence(note)) for note in notes], "What could not be analysed, and why"))
    return Chapter(NAME, TITLE, blocks)


def sentence_of(assumption: Any) -> str:
    """An assumption's sentence, with its parameters in brackets where it does not name them itself."""
    if isinstance(assumption, str):
        return words.sentence(assumption)
    names = [
        name for name in assumption.get("parameters") or [] if str(name) not in str(assumption.get("sentence", ""))
    ]
    named = f" [{', '.join(map(str, names[:6]))}{' …' if len(names) > 6 else ''}]" if names else ""
    return words.sentence(str(assumption.get("sentence", ""))) + named


def _reproduce(context: Context) -> Code:
    manifest = context.manifest
    seed = "" if manifest.seed is None else f" --seed {manifest.seed}"
    if context.questions.get("cohort"):
        data = "gist-cohort" if context.virtual else "DATA --map map.toml" if manifest.study else "record"
        told = cohort_command(dict(context.questions["cohort"]), data, None if context.virtual else manifest.seed)
        return Code("How to reproduce", "\n".join([told, *([] if context.virtual else _where(manifest))]))
    if context.questions.get("explain"):
        return Code("How to reproduce", why_command(dict(context.questions["explain"]), manifest.seed))
    if context.questions.get("discovery") and context.tables:
        told = f"opsonin discover DATA --map map.toml --question {context.questions['discovery']}{seed}"
        return Code(
            "How to reproduce",
            f"{told} --out results/again\n# DATA: the samples; map.toml: the mapping file printed below",
        )
    if not context.virtual:
        data = "DATA --map map.toml" if manifest.study else "DATA" if manifest.source.startswith("CDISC") else "record"
        told = [f"opsonin analyse {data}{seed} --out results/again", *_where(manifest)]
        return Code("How to reproduce", "\n".join(told))
    trials = f" --trials {context.replicates}" if context.replicates else ""
    return Code("How to reproduce", f"opsonin run study.toml{seed}{trials} --out results/again")


def _where(manifest: Any) -> list[str]:
    """What stands for the names in the command, as remarks of the shell."""
    if not manifest.study:
        cdisc = manifest.source.startswith("CDISC")  # such files need no mapping
        return [f"# {'DATA: the folder of the files named below' if cdisc else 'record: the folder of its tables'}"]
    try:
        files = list(dict.fromkeys(_files(tomllib.loads(manifest.study))))
    except tomllib.TOMLDecodeError:
        files = []
    return [
        *([f"# DATA: {'the folder of ' if len(files) > 1 else ''}{words.listed(files)}"] if files else []),
        "# map.toml: the mapping file printed below",
    ]


def _files(part: Any) -> Iterator[str]:
    """Every `file` that a mapping names."""
    for key, value in part.items() if isinstance(part, dict) else ():
        if key == "file" and isinstance(value, str):
            yield value
        for inner in value if isinstance(value, list) else [value]:
            yield from _files(inner)


def _provenance(context: Context) -> Table:
    manifest = context.manifest
    kind = "virtual trial (simulated patients; no one was treated)" if context.virtual else "real data"
    rows = [["kind", kind], ["title", manifest.title], ["source", manifest.source]]
    if manifest.seed is not None:
        rows.append(["seed", str(manifest.seed)])
    if context.replicates:
        rows.append(["replicate trials", f"{context.replicates:,}"])
    if manifest.study_hash:
        rows.append(["study file, SHA-256", manifest.study_hash])
    rows.append(["software", f"Opsonin {manifest.software_version}, record schema {manifest.schema_version}"])
    sizes = [f"{name} {len(table):,}" for name, table in _tables(context.record) if len(table)]
    rows.append(["rows by table", ", ".join(sizes)])
    return Table("Provenance", ["", ""], [row for row in rows if row[1]])


def _tables(record: Any) -> list[tuple[str, Any]]:
    names = (
        "subjects", "exposures", "adverse_events", "concentrations", "measurements", "lesions", "responses", "survival",
        "disposition", "products", "decisions",
    )  # fmt: skip
    return [(name, getattr(record, name)) for name in names if hasattr(record, name)]


def _methods(context: Context) -> Table | None:
    """Each method once, with its reference and the findings that used it."""
    said = {(_uncounted(f.method), f.reference) for f in context.findings if f.method or f.reference}
    alike: dict[tuple[str, str], int] = {}  # methods that differ only in what was counted are one method
    for method, reference in said:
        key = (method.partition("; ")[2], reference)
        alike[key] = alike.get(key, 0) + 1
    used: dict[tuple[str, str], list[str]] = {}
    for f in context.findings:
        if f.method or f.reference:
            method = _uncounted(f.method)
            tail = method.partition("; ")[2]
            method = tail if tail and alike[tail, f.reference] > 2 else method
            used.setdefault((method, f.reference), []).append(f.name.split(".")[0])
    if not used:
        return None
    ordered = sorted(used.items(), key=lambda item: (min(item[1]), item[0]))
    rows = [[", ".join(sorted(set(names))), method, reference] for (method, reference), names in ordered]
    return Table("Methods and references", ["used in", "method", "reference"], rows, small=True)


def _uncounted(method: str) -> str:
    """A method without the count at its end that is one finding's own: "; 110 still at risk"."""
    return re.sub(r"; [\d,]+ [a-z ]+$", "", method)


def _model(model: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    parameters = model.get("parameters") or []
    if parameters:
        assumed = [p for p in parameters if p.get("kind") == "assumed"]
        calibrated = [p for p in parameters if p.get("kind") == "calibrated"]
        published = len(parameters) - len(assumed) - len(calibrated)
        blocks.append(
            Text(
                f"The model has {words.counted(len(parameters), 'parameter')}: {published} published, "
                f"{len(calibrated)} calibrated, {len(assumed)} assumed."
            )
        )
        blocks += _parameters(parameters)
    blocks += _diagram(str(model.get("dot") or ""))
    equations = model.get("equations") or []
    if equations:
        meaning = {s["name"]: s.get("meaning", "") for s in model.get("species") or []}
        rows = [(str(e["state"]), mathml(str(e["latex"])), str(meaning.get(e["state"], ""))) for e in equations]
        blocks.append(
            Equations("Differential equations", rows, "Quantities and signals are defined below.", folded=True)
        )
    for key, title in (
        ("quantities", "Quantities"),
        ("hazards", "Hazards"),
        ("observables", "What the clinic measures"),
    ):
        part = [item for item in model.get(key) or [] if item.get("latex")]
        if part:
            rows = [
                (str(i["name"]), mathml(str(i["latex"])), str(i.get("meaning") or i.get("term") or "")) for i in part
            ]
            blocks.append(Equations(title, rows, folded=True))
    signals = model.get("signals") or []
    if signals:
        columns = ["signal", "meaning", "combined by", "modulated by"]
        fields = ("name", "meaning", "combine")
        rows = [[*(str(signal.get(name, "")) for name in fields), _modulations(signal)] for signal in signals]
        title = "Signals: where therapies act on biology"
        blocks.append(Table(title, columns, rows, small=True, folded=True))
    return blocks


def _diagram(dot: str) -> list[Block]:
    """The flow diagram; as text where no program that could draw it is installed."""
    if not dot:
        return []
    title = "Flow diagram of the model"
    try:
        drawn = svg(dot, title)
    except ReportError as problem:
        return [
            Text(f"The flow diagram is given as text for Graphviz: {problem}", quiet=True),
            Code(f"{title}, as text for Graphviz", dot, folded=True),
        ]
    caption = (
        "Modules are frames, states boxes; a thick arrow moves material, a green one raises what it points to, a red "
        "bar lowers it. What speeds a state's loss lowers the state. Point at a box or an arrow for its law; click to "
        "enlarge."
    )
    return [Picture("model-diagram", title, drawn, caption)]


def _modulations(signal: dict[str, Any]) -> str:
    parts = []
    for item in signal.get("modulations") or signal.get("modulated_by") or []:
        parts.append(
            " – ".join(str(item[k]) for k in ("module", "meaning") if item.get(k))
            if isinstance(item, dict)
            else str(item)
        )
    return "; ".join(parts)


def _parameters(parameters: list[dict[str, Any]]) -> list[Block]:
    """One table a kind, the assumed ones first: they are what a reader should doubt."""
    blocks: list[Block] = []
    for kind, title in (
        ("assumed", "Assumed parameters"),
        ("calibrated", "Calibrated parameters"),
        ("published", "Published parameters"),
    ):
        rows = [
            [
                str(p.get("name", "")),
                str(p.get("meaning", "")),
                _given(p.get("value"), str(p.get("unit", ""))),
                str(p.get("spread") or ""),
                words.capital(str(p.get("source", "")).removeprefix(f"{kind}:").removeprefix(f"{kind} to:").strip()),
            ]
            for p in parameters
            if p.get("kind") == kind
        ]
        if rows:
            columns = ["name", "meaning", "value", "spread between patients", "source, or why"]
            blocks.append(Table(f"{title} ({len(rows)})", columns, rows, small=True, folded=True, last_wide=True))
    return blocks


def _given(value: Any, unit: str) -> str:
    """A parameter as its author gave it, with its unit."""
    number = f"{value:.4g}" if isinstance(value, int | float) else str(value)
    unit = unit.replace("**2", "²").replace("**3", "³")
    return number if unit in ("", "dimensionless", "1") else f"{number} {unit}"


def _left_out(context: Context) -> list[Block]:
    entries = context.manifest.rows_left_out
    if not entries:
        return [] if context.virtual else [Text("No row of the source files was left out.")]
    total = sum(int(e.get("count", 1)) for e in entries)
    rows = [
        [
            str(e.get("file", "")),
            str(e.get("section", "")),
            str(e.get("reason", "")),
            _count(e),
            str(e.get("rows", ""))[:120],
        ]
        for e in entries
    ]
    return [
        Table(
            f"Rows left out: {total:,}",
            ["file", "section", "reason", "rows", "which"],
            rows,
            "Each row that could not be used, with the reason; none is dropped in silence.",
            frozenset({3}),
            small=True,
            folded=len(rows) > 15,
        )
    ]


def _count(entry: dict[str, Any]) -> str:
    return f"{int(entry.get('count', 1)):,}"
