"""`opsonin explain`: a therapy, a core, or the whole model of a study, as tables and equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.explaining_cores import CORES, core_tables
from opsonin.cli.screen import console, table
from opsonin.errors import StudyError

if TYPE_CHECKING:
    from rich.table import Table

    from opsonin.model import Model
    from opsonin.patients import Indication

Row = Mapping[str, Any]


def explain_name(name: str, diagram: Path | None = None) -> None:
    """Print parameters with value, unit, kind and source, processes as equations, observables and signals.

    diagram: write the flow diagram there instead.

    Raises: StudyError for a name that is neither a therapy, nor a core, nor a bundled study, nor a file of the user's;
    TherapyError for a file of the user's that cannot be taken; ReportError for a diagram that cannot be drawn.
    """
    title, source, module, model, indications = _find(name)
    if diagram is not None:
        from opsonin.report.diagram import write_diagram

        console().print(f"diagram   {escape(str(write_diagram(model.diagram(title), diagram)))}")
        return
    told = model.explain()
    if indications:
        from opsonin.study.provenance import own_values

        told["parameters"] = own_values(told["parameters"], indications)
    mine: dict[str, list[Row]] = {
        heading: [row for row in rows if module in (None, row.get("module"))]
        for heading, rows in told.items()
        if isinstance(rows, list)
    }
    screen = console()
    screen.print(f"[bold]{escape(title)}[/bold]")
    if source:
        screen.print(escape(source))
    first: Iterator[Table] = iter(())
    if name in CORES:
        first, mine = core_tables(model, told), {**mine, "species": []}
    for made in chain(first, _tables(mine, _modulations(told["signals"], module))):
        if made.row_count:
            screen.print()
            screen.print(made)


def _tables(told: Mapping[str, list[Row]], modulations: list[tuple[str, ...]]) -> Iterator[Table]:
    numbers: dict[str, int] = {}
    for row in told["parameters"]:
        numbers.setdefault(row["source"], len(numbers) + 1)
    yield table(
        "Doses", ("agent", "route", "into"), [(r["agent"], r["route"], r["into"]) for r in told["administrations"]]
    )
    yield table(
        "Parameters",
        ("name", "value", "unit", "kind", "source", "meaning"),
        [
            (r["name"], f"{r['value']:.4g}", _unit(r), r["kind"], f"[{numbers[r['source']]}]", r["meaning"])
            for r in told["parameters"]
        ],
        right=["value"],
    )
    yield table("Sources of the parameters", ("", ""), [(f"[{n}]", text) for text, n in numbers.items()])
    yield table(
        "States", ("name", "unit", "at first", "meaning"), [_cells(r, "initial", "meaning") for r in told["species"]]
    )
    yield table(
        "Quantities", ("name", "unit", "is", "meaning"), [_cells(r, "equation", "meaning") for r in told["quantities"]]
    )
    yield table(
        "Processes (rate a day)",
        ("name", "from → to", "rate"),
        [(r["name"], f"{_ends(r['consumes'])} → {_ends(r['produces'])}", r["equation"]) for r in told["processes"]],
    )
    yield table("What it modulates", ("signal", "combined as", "by", "meaning"), modulations)
    yield table(
        "Hazards (1/day)",
        ("event", "role", "rate", "share of each grade"),
        [(r["term"], r["role"], r["equation"], _grades(r["grades"])) for r in told["hazards"]],
    )
    yield table(
        "Observables",
        ("name", "unit", "in", "is", "lower limit"),
        [(r["name"], _unit(r), r["where"], r["equation"], _number(r["lower_limit"])) for r in told["observables"]],
        right=["lower limit"],
    )


def _modulations(signals: list[Row], module: str | None) -> list[tuple[str, ...]]:
    return [
        (signal["name"], signal["combine"], m["equation"], m["meaning"])
        for signal in signals
        for m in signal["modulations"]
        if module in (None, m["module"])
    ]


def _cells(row: Row, third: str, fourth: str) -> tuple[str, str, str, str]:
    return row["name"], _unit(row), row[third], row[fourth]


def _unit(row: Row) -> str:
    return "" if row["unit"] == "dimensionless" else row["unit"]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _ends(species: list[str]) -> str:
    return " + ".join(species) or "·"


def _grades(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{grade}: {share:g}" for grade, share in shares.items())


def _find(name: str) -> tuple[str, str, str | None, Model, tuple[Indication, ...]]:
    """Title, source, the module asked for (None: all of them), the model that it is explained in, and whose it is."""
    from opsonin import biology, therapies
    from opsonin.model import Model
    from opsonin.study.library import bundled
    from opsonin.study.problems import near
    from opsonin.study.study import Study, is_own

    if name in CORES:
        core, title = CORES[name]
        return title, "", None, Model(biology.core_named(core)), ()
    if name in bundled() or name.endswith(".toml"):
        study = Study.load(name)
        return study.file.title, study.file.source, None, study.built.model, study.built.indications
    if name not in therapies.names() and not is_own(name):
        raise StudyError(
            f"there is no therapy, no bundled study and no core {name!r}"
            f"{near(name, [*therapies.names(), *bundled(), *CORES])}"
        )
    module = therapies.load_agent(name, Path.cwd())
    # the therapy first, so that what it shares with biology is counted as its own
    model = Model([module, *biology.core_for(module)])
    if is_own(name):
        therapies.check_at_rest(module, model)
    return module.title or module.name, module.source, module.name, model, ()
