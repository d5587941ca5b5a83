"""What the record of a virtual trial says of itself: the study, the model, what was assumed, what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsonin.record.species import HUMAN
from opsonin.study.contrasts import left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsonin.designs import Design
    from opsonin.patients import Indication
    from opsonin.record import Manifest
    from opsonin.study.build import Built
    from opsonin.study.study import Study
    from opsonin.trial import Protocol


def manifest(study: Study, built: Built, seed: int) -> Manifest:
    """The manifest of the study's record."""
    from opsonin.record import Manifest
    from opsonin.trial import assumptions as of_the_trial

    model = built.model.explain()
    model["parameters"] = own_values(model["parameters"], built.indications)
    return Manifest(
        kind="virtual",
        title=study.file.title,
        source=study.file.source,
        study=study.text,
        study_hash=study.digest,
        seed=seed,
        assumptions=[
            *of_the_model(model["parameters"], _modules_that_matter(study, built)),
            *of_the_trial(built.protocol),
        ],
        model=model,
        questions=questions(study, built),
    )


def own_values(parameters: list[dict[str, Any]], indications: Sequence[Indication]) -> list[dict[str, Any]]:
    """The parameters as the indications have them, where they say where their values come from.

    One that several have differently keeps its own value, and its source tells theirs.
    """
    from opsonin.model import Parameter

    rows = []
    for row in parameters:
        own = {one.name: (one.values[row["name"]], one.sources[row["name"]]) for one in indications
               if row["name"] in one.sources}  # fmt: skip
        if len(own) == len(indications) and len(set(own.values())) == 1:
            value, source = next(iter(own.values()))
            kind = Parameter(row["name"], value, row["unit"], source).kind
            row = row | {"value": float(value), "source": source, "kind": kind}
            row |= {"own": True} if indications[0].species != HUMAN else {}
        elif own:
            told = "; ".join(f"{value:g} in {name} ({source})" for name, (value, source) in own.items())
            row = row | {"source": f"{row['source']}; {told}"}
        rows.append(row)
    return rows


def of_the_model(parameters: list[dict[str, Any]], modules: list[str]) -> list[dict[str, Any]]:
    """One sentence for every source that is an assumption or a calibration, with the parameters that rest on it.

    modules: what is assumed of the first of them stands first; calibrations stand before plain assumptions. What is
    assumed of mice alone stands before all that.
    """
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in parameters:
        if row["kind"] != "published":
            by_source.setdefault(row["source"], []).append(row)

    def weight(rows: list[dict[str, Any]]) -> tuple[bool, int, bool]:
        module, own = rows[0]["module"], any(row.get("own") for row in rows)
        return not own, modules.index(module) if module in modules else len(modules), rows[0]["kind"] != "calibrated"

    ordered = sorted(by_source.items(), key=lambda item: weight(item[1]))
    return [
        {"sentence": _sentence(source, rows), "parameters": [r["name"] for r in rows], "kind": rows[0]["kind"]}
        for source, rows in ordered
    ]


def _modules_that_matter(study: Study, built: Built) -> list[str]:
    """The therapies' modules, those that are escalated first."""
    from opsonin.model import Administration

    home = {part.agent: module for part, module in built.model.parts(Administration)}
    ladders = [a for a, t in zip(built.agents, study.file.treatment, strict=True) if t.is_ladder]
    return list(dict.fromkeys([*(home[a] for a in ladders), *(home[a] for a in built.agents)]))


def questions(study: Study, built: Built) -> dict[str, Any]:
    """The study's questions, with the facts of the protocol that answering them takes."""
    file, protocol = study.file, built.protocol
    blood, immune = file.assessments.concentrations, file.assessments.immune
    return {
        **(_enrolled(study, built) if built.design is None else _escalated(study, built, built.design)),
        "first_dose_day": protocol.first_time,
        "observe_days": protocol.observe_days,
        "biomarkers": [b.model_dump(exclude_defaults=True) for b in file.questions.biomarkers],
        "interaction": list(file.questions.interaction),
        "potential": left_out(built.comparisons),
        "comparisons": [c.text for c in built.comparisons],
        "analytes": list(blood.analytes) if blood else [],
        "sampled_days": list(blood.days) if blood else [],
        "panel": immune.panel if immune else "",
        "pool": file.population.pool,
        **({} if file.questions.why is None else why_of(protocol, file.questions.why.level)),
        **({} if built.species == HUMAN else {"species": built.species}),
        **(
            {"synergy": [one.model_dump(exclude_none=True) for one in file.questions.synergy]}
            if file.questions.synergy
            else {}
        ),
    }


def why_of(protocol: Protocol, level: int) -> dict[str, str]:
    """Of which arm or level it is asked why patients respond; nothing where there is one."""
    return {"why_of": protocol.levels[level - 1].name} if len(protocol.levels) > 1 else {}


def _enrolled(study: Study, built: Built) -> dict[str, Any]:
    """The arms, or the indications of a single one, as the groups that are compared; and the phase II design."""
    file, arms = study.file, built.protocol.arms
    assert arms is not None
    assert file.enrolment is not None
    names, several = [level.name for level in built.protocol.levels], len(arms.indications) > 1
    made: dict[str, Any] = {"arms": names, "indications": list(arms.indications), "randomised": len(names) > 1}
    if len(names) > 1:
        made |= {"compare": "arm", "reference": file.enrolment.control or names[0]}
        made |= {"strata": "indication"} if several else {}
    elif several:
        made |= {"compare": "indication"}
    if arms.design is not None:
        design = arms.design
        made["phase_two"] = {
            "design": design.name,
            "rule": design.describe(),
            "null": design.null,
            "target": design.target,
            "patients": design.stages,
            "futile": [int(count) for count in design.looks.futile],
            "response_days": arms.response_days,
        }
    return made


def _escalated(study: Study, built: Built, design: Design) -> dict[str, Any]:
    """The levels and their design."""
    from opsonin.designs import Design

    escalation = study.file.escalation
    return {
        "level_names": [level.name for level in built.protocol.levels],
        "levels": len(built.protocol.levels),
        **_rising(study, built),
        "design": design.name,
        "design_rule": design.describe(),
        **({} if design.seeks == Design.seeks else {"design_seeks": design.seeks}),
        "dlt": list(escalation.dlt),
        "dlt_window_days": escalation.dlt_window.days,
    }


def _rising(study: Study, built: Built) -> dict[str, Any]:
    """What rises from level to level. Levels of two agents have no order, so that groups are compared as arms."""
    ladders = [(a, t) for a, t in zip(built.agents, study.file.treatment, strict=True) if t.is_ladder]
    if len(ladders) > 1:
        return {
            "compare": "arm",
            "escalating_agents": [agent for agent, _ in ladders],
            "doses": {agent: [dose.amount for dose in t.dose] for agent, t in ladders},
            "dose_unit": {agent: t.dose[0].text.split(" ", 1)[1] for agent, t in ladders},
        }
    agent, ladder = ladders[0]
    return {
        "escalating_agent": agent,
        "doses": [dose.amount for dose in ladder.dose],
        "dose_unit": ladder.dose[0].text.split(" ", 1)[1],
    }


def _sentence(source: str, rows: list[dict[str, Any]]) -> str:
    """ "Shrinks a fully sensitive tumour slowly … (imatinib_kill_rate = 0.02 1/day)."."""
    text = source.strip().rstrip(".")
    values = ", ".join(f"{r['name']} = {r['value']:g} {r['unit']}".replace(" dimensionless", "") for r in rows)
    return f"{text[0].upper()}{text[1:]} ({values})."
