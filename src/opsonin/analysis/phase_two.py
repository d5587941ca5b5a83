"""A trial of arms: what its looks at responses decided, and what the indications of a basket say together."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.comparison import EVERYONE
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.response import EXACT, EXACT_SOURCE, best_responses
from opsonin.analysis.statistics import proportion
from opsonin.errors import AnalysisError, DesignError

TWO_STAGE = (
    "unbiased estimate after a two-stage design; exact limits, each on one side at 97.5 %; p of the null, one-sided"
)
TWO_STAGE_SOURCE = "Jung & Kim 2004, doi:10.1002/sim.1653; Koyama & Chen 2008, Stat Med 27:3145"
RESPONDED = ("CR", "PR", "iCR", "iPR")


def has_arms(asked: Asked) -> bool:
    """Whether the record is of a trial that enrolled arms and looked for no dose."""
    return bool(asked.questions.get("arms"))


def look_table(decisions: pd.DataFrame) -> pd.DataFrame:
    """Every look: trial (where there), day, cohort, decision, reason; its arm, indication, patients and responses."""
    rows = decisions.reset_index(drop=True)
    about = [json.loads(text) if isinstance(text, str) and text else {} for text in rows["numbers"]]
    told = pd.DataFrame(about, columns=pd.Index(["arm", "indication", "patients", "responses"]))
    kept = [c for c in ("trial", "day", "cohort", "decision", "reason", "design") if c in rows]
    return pd.concat([rows[kept], told], axis=1)


def phase_two_findings(asked: Asked) -> list[Finding]:
    """What the looks of a phase II design decided, and what the indications of a basket borrow from one another."""
    return [*_looked_at(asked), *_borrowed(asked)]


def _borrowed(asked: Asked) -> list[Finding]:
    """The response rate of each indication of a basket, arm by arm, learnt together with the others."""
    indications = list(asked.questions.get("indications") or [])
    best = best_responses(asked.table("responses")) if len(asked.table("responses")) else None
    if len(indications) < 2 or best is None:
        return []
    subjects = asked.table("subjects")
    hit = subjects["subject_id"].map(best).isin(RESPONDED)
    found: list[Finding] = []
    for arm, own in subjects.assign(hit=hit.to_numpy()).groupby(subjects["arm"].astype(str), sort=True):
        counts = own.groupby(own["indication"].astype(str))["hit"].agg(["sum", "count"])
        if len(counts) > 1:
            found += _of_basket(asked, str(arm), counts)
    return found


def _of_basket(asked: Asked, arm: str, counts: pd.DataFrame) -> list[Finding]:
    from opsonin.analysis.basket import METHOD, SOURCE, basket

    null = (asked.questions.get("phase_two") or {}).get("null")
    names, hits, n = counts.index.tolist(), counts["sum"].tolist(), counts["count"].tolist()
    made = basket(names, hits, n, None if null is None else float(null), asked.seed)
    several = len(list(asked.questions.get("arms") or [])) > 1
    table, found = made.to_frame(), []
    for k, name in enumerate(made.names):
        alone = made.alone[k]
        said = f"Alone {hits[k]} of {n[k]} ({100 * alone.lower:.1f}–{100 * alone.upper:.1f} %)."
        if null is not None:
            said += f" Above {100 * float(null):g} % with a probability of {made.above[k]:.2f}."
        found.append(
            Finding(
                "basket.response_rate", f"{arm}, {name}" if several else name, *made.rates[k], 0.95, n=n[k],
                events=hits[k], unit="proportion", method=METHOD, reference=SOURCE, note=said, table=table,
            )
        )  # fmt: skip
    said = "p of equal rates, by permutation: between indications responses are dealt out anew."
    found.append(
        Finding(
            "basket.spread", arm if several else EVERYONE, *made.spread, 0.95, p=made.p, n=sum(n), events=sum(hits),
            unit="log-odds, standard deviation", method=METHOD, reference=SOURCE, note=said, table=table,
        )
    )  # fmt: skip
    return found


def _looked_at(asked: Asked) -> list[Finding]:
    """The response rate of each arm as its design reads it, and whether the drug is worth going on with."""
    design = asked.questions.get("phase_two")
    if not isinstance(design, Mapping) or not design:
        return []
    if "name" in design:
        return _counted(asked, design)
    if not len(asked.table("decisions")):
        return [note("phase_two", "No phase II decision: the record holds no look at the responses.")]
    looks = labelled(asked, look_table(asked.table("decisions")))
    last = looks.groupby("label", sort=False).tail(1)
    return [_judged(dict(row), design, looks) for row in last.to_dict("records")]


def _counted(asked: Asked, given: Mapping[str, Any]) -> list[Finding]:
    """The looks of a record that holds none: every group's responses so far, counted by the design that is asked for.

    A group between two looks waits for the next one.   Raises: AnalysisError for what is no design.
    """
    from opsonin.designs.phase_two.by_name import response_design

    try:
        design = response_design(given)
    except DesignError as problem:
        raise AnalysisError(f"phase_two: {problem}") from problem
    responses = asked.table("responses")
    if not len(responses):
        return [note("phase_two", "No phase II decision: the record has no responses.")]
    best = best_responses(responses)
    about = {"patients": design.stages, "futile": design.looks.futile.tolist(), "null": design.null}
    found: list[Finding] = []
    for label, members in asked.groups.each(total=False):
        n, hits = len(members), int(best.reindex(members).isin(RESPONDED).sum())
        if n not in design.stages:
            later = [stage for stage in design.stages if stage > n]
            when = f"the next look is at {later[0]} patients" if later else f"{design.stages[-1]} were planned"
            found.append(note("phase_two", f"No phase II decision for {label}: {hits} of {n} responded; {when}."))
            continue
        made = design.decide(design.stages.index(n), hits)
        look = {"label": label, "patients": n, "responses": hits, "decision": made.action, "reason": made.reason}
        found.append(_judged(look, about, pd.DataFrame([look])))
    return found


def _judged(look: dict[Any, Any], design: Mapping[str, Any], table: pd.DataFrame) -> Finding:
    from opsonin.designs.phase_two.inference import two_stage_inference

    n, hits = int(look["patients"]), int(look["responses"])
    stages, futile = list(design.get("patients") or [n]), list(design.get("futile") or [-1])
    found = proportion(hits, n)
    value, lower, upper, p, method, source = *found, math.nan, f"CR or PR by the look; {EXACT}", EXACT_SOURCE
    if len(stages) == 2 and futile[0] >= 0 and n in stages:
        two = two_stage_inference(hits, futile[0], stages[0], stages[1], float(design["null"]), 0.025)
        value, lower, upper, p = two.estimate, two.lower, two.upper, min(1.0, two.p)
        method, source = TWO_STAGE, TWO_STAGE_SOURCE
    return Finding(
        name="phase_two.response_rate",
        group=str(look["label"]),
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        p=p,
        n=n,
        events=hits,
        unit="proportion",
        method=method,
        reference=source,
        note=f"{str(look['reason'])[0].upper()}{str(look['reason'])[1:]}.",
        table=table,
    )


def labelled(asked: Asked, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a `label`: arm, indication, or both, whatever there are several of."""
    arms, indications = (list(asked.questions.get(name) or []) for name in ("arms", "indications"))
    if len(indications) < 2:
        label = rows["arm"].astype(str)
    elif len(arms) < 2:
        label = rows["indication"].astype(str)
    else:
        label = rows["arm"].astype(str) + ", " + rows["indication"].astype(str)
    return rows.assign(label=label.to_numpy(dtype=object))
