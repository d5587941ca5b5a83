"""Dose-transition pathways: what a design will do for everything the next cohorts can show.

Courses that lead to the same evidence are one state, as the design cannot tell them apart: after k cohorts of three
there are 4^k courses, but far fewer states, and the cost grows with the states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from opsonin.designs.base import ACTIONS, WAIT, Decision, Decisions, Design
from opsonin.designs.evidence import FOLLOW_UP, GRADES, IMMUNE, Evidence
from opsonin.designs.outcomes import Outcomes, outcomes
from opsonin.designs.pathway_states import Cohort, Links, Maker, Stage, chances_of, final
from opsonin.designs.truth import Scenario
from opsonin.errors import DesignError

MOST_PATHS = 20_000  # courses that are written out one by one


@dataclass(frozen=True, eq=False)
class Pathways:
    """What a design does after `seen` and every possible outcome of the cohorts after that.

    stages: the first holds what has been seen, each next one a further cohort; states at which the trial ends stand in
    the stage in which it does.   links: between each stage and the next.   shown: every outcome a cohort can have.
    assumed: what had to be taken for granted, in words; "" for nothing.
    """

    design: Design
    seen: Outcomes
    stages: tuple[Stage, ...]
    links: tuple[Links, ...]
    shown: tuple[Cohort, ...]
    assumed: str = ""

    @property
    def states(self) -> int:
        """How many distinct states there are."""
        return sum(len(stage.paths) for stage in self.stages)

    @property
    def courses(self) -> int:
        """How many courses the trial can take over these cohorts: what a tree without merging would have to draw."""
        ended = sum(int(stage.paths[final(stage)].sum()) for stage in self.stages[:-1])
        return ended + int(self.stages[-1].paths.sum())

    @property
    def unmerged(self) -> int:
        """How many states there would be without merging."""
        return sum(int(stage.paths.sum()) for stage in self.stages)

    def to_frame(self) -> pd.DataFrame:
        """One row a state: cohort, state, counts by level, decision, level, patients, mtd, paths, probability."""
        return pd.concat([self._of_stage(k) for k in range(len(self.stages))], ignore_index=True)

    def _of_stage(self, number: int) -> pd.DataFrame:
        stage = self.stages[number]
        made = stage.decisions
        return pd.DataFrame(
            {
                "cohort": number,
                "state": [f"{number}.{row + 1}" for row in range(len(stage.paths))],
                "seen": counts_texts(stage.evidence, self.design),
                "decision": np.array(ACTIONS)[made.action],
                "level": _or_none(made.level),
                "patients": made.patients,
                "mtd": _or_none(made.mtd),
                "paths": stage.paths,
                "probability": stage.probability,
            }
        )

    def next_cohort(self) -> pd.DataFrame:
        """One row for each outcome of the next cohort: outcome, DLTs, decision, level, patients, mtd, reason."""
        rows = []
        for link in range(len(self.links[0].to)) if self.links else ():
            cohort = self.shown[self.links[0].outcome[link]]
            made = self.decision(1, int(self.links[0].to[link]))
            rows.append((cohort.text, cohort.dlt, made.action, made.level, made.patients, made.mtd, made.reason))
        columns = ["outcome", "dlt", "decision", "level", "patients", "mtd", "reason"]
        table = pd.DataFrame(rows, columns=pd.Index(columns))
        return table.astype({"level": "Int64", "mtd": "Int64"})

    def decision(self, stage: int, state: int) -> Decision:
        """The decision in one state, with its reason.   stage: cohorts from now;   state: row, from 0."""
        one, made = self.stages[stage].evidence.take(np.array([state])), self.stages[stage].decisions
        action, level, patients, mtd = (int(array[state]) for array in made)
        bare = Decision(ACTIONS[action], level or None, patients, mtd or None, "")
        reason, numbers = self.design.explain(one, bare)
        return replace(bare, reason=reason, numbers=numbers)

    def written_out(self) -> pd.DataFrame:
        """One row a course: what is seen as text, the decision at its end, level, patients, mtd.

        Raises: DesignError where there are more courses than anybody reads; ask for fewer cohorts.
        """
        if self.courses > MOST_PATHS:
            raise DesignError(
                f"there are {self.courses:,} courses over {len(self.links)} cohorts; write out fewer cohorts, or use "
                "the table of merged states."
            )
        rows = [
            (" ".join(words), ACTIONS[int(made.action[state])], *(int(a[state]) or None for a in made[1:]))
            for words, made, state in self._courses(0, 0, [])
        ]
        table = pd.DataFrame(rows, columns=pd.Index(["course", "decision", "level", "patients", "mtd"]))
        return table.astype({"level": "Int64", "mtd": "Int64", "patients": "Int64"})

    def _courses(self, stage: int, state: int, words: list[str]) -> Iterator[tuple[list[str], Decisions, int]]:
        made = self.stages[stage].decisions
        rows = np.flatnonzero(self.links[stage].origin == state) if stage < len(self.links) else []
        if not len(rows):
            yield words, made, state
            return
        for row in rows:
            cohort = self.shown[self.links[stage].outcome[row]]
            dose = self.design.dose_label(int(made.level[state]))
            yield from self._courses(stage + 1, int(self.links[stage].to[row]), [*words, dose + cohort.text])

    def to_json(self) -> dict[str, Any]:
        """Nodes (a state each) and edges (an outcome each), for other programs."""
        nodes = [
            {
                "id": row["state"],
                "cohort": int(row["cohort"]),
                "patients": stage.evidence.patients[k].tolist(),
                "dlt": stage.evidence.dlt[k].tolist(),
                "decision": row["decision"],
                "level": None if pd.isna(row["level"]) else int(row["level"]),
                "next_patients": int(row["patients"]),
                "mtd": None if pd.isna(row["mtd"]) else int(row["mtd"]),
                "paths": int(row["paths"]),
                "probability": None if np.isnan(row["probability"]) else float(row["probability"]),
            }
            for number, stage in enumerate(self.stages)
            for k, row in enumerate(self._of_stage(number).to_dict("records"))
        ]
        edges = [
            {"from": f"{k}.{a + 1}", "to": f"{k + 1}.{b + 1}", "outcome": self.shown[o].text}
            for k, links in enumerate(self.links)
            for a, o, b in zip(links.origin.tolist(), links.outcome.tolist(), links.to.tolist(), strict=True)
        ]
        return {
            "design": self.design.name,
            "levels": self.design.levels,
            "seen": self.seen.text,
            "assumed": self.assumed,
            "nodes": nodes,
            "edges": edges,
        }


def pathways(
    design: Design,
    seen: Outcomes | None = None,
    cohorts: int = 3,
    truth: Scenario | Sequence[float] | None = None,
) -> Pathways:
    """Everything the next cohorts can show, and what the design does then.

    seen: so far; nobody where None.   cohorts: how many further ones.   truth: where given, how likely each state is.
    Patients who are still in their window are taken to end it without a DLT, before the next cohort where the design
    waits for them; ties that a design breaks by lot go to its first option.
    Raises: DesignError for designs that look at grades or an immune endpoint, whose outcomes cannot be listed, and
    where there are too many states.
    """
    if cohorts < 0:
        raise DesignError(f"pathways are followed over 0 cohorts or more; {cohorts} were asked for.")
    if design.needs & {GRADES, IMMUNE}:
        what = " and ".join(sorted(design.needs & {GRADES, IMMUNE}))
        raise DesignError(f"the design {design.name!r} looks at {what}, whose outcomes cannot all be listed.")
    before = outcomes([], []) if seen is None else seen
    first, assumed = _settled(design, design.evidence(before))
    made = design.decide_many(first)
    maker = Maker(design, first)
    chances = chances_of(truth, design, maker.efficacy)
    one = np.ones(1)
    stage = Stage(first, made, one.astype(np.int64), one if truth is not None else one * np.nan)
    stages, links = [stage], []
    for _ in range(cohorts):
        if final(stages[-1]).all():
            break
        link, after = maker.next(stages[-1], chances)
        links.append(link)
        stages.append(after)
    return Pathways(design, before, tuple(stages), tuple(links), tuple(maker.shown), assumed)


def counts_texts(seen: Evidence, design: Design) -> list[str]:
    """Counts as text, a state each: "1: 0/3, 2: 1/6" (DLTs of patients), with responses where there are any: "+2", or
    "+2 (1 both)" where one of them had a DLT."""
    texts = []
    nothing = np.zeros_like(seen.dlt)
    good = nothing if seen.efficacy is None else seen.efficacy
    both = nothing if seen.both is None else seen.both
    for row in range(len(seen)):
        parts = []
        for dose in np.flatnonzero(seen.patients[row]).tolist():
            responded = f" +{good[row, dose]}" if good[row, dose] else ""
            responded += f" ({both[row, dose]} both)" if both[row, dose] else ""
            counts = f"{seen.dlt[row, dose]}/{seen.patients[row, dose]}"
            parts.append(f"{design.dose_label(dose + 1)}: {counts}{responded}")
        texts.append(", ".join(parts) or "nobody")
    return texts


def _or_none(numbers: np.ndarray) -> pd.Series:
    """Whole numbers as a column, missing where 0."""
    column = pd.Series(numbers, dtype="Int64")
    return column.mask(column == 0)


def _settled(design: Design, seen: Evidence) -> tuple[Evidence, str]:
    """The evidence from which the next cohort is decided, and what is assumed of those in their window.

    Where the design waits for them, they are taken to end it well before the next cohort comes.
    """
    if FOLLOW_UP not in design.needs or seen.pending is None:
        return seen, ""
    toxic, good = int(seen.pending.sum()), 0 if seen.efficacy_pending is None else int(seen.efficacy_pending.sum())
    told = []
    if toxic:
        told.append(
            _who(toxic, "still in the window ends it without a DLT", "still in the window end it without a DLT")
        )
    if good:
        told.append(_who(good, "who may still respond does not", "who may still respond do not"))
    assumed = "; ".join(told)
    if not assumed or int(design.decide_many(seen).action[0]) != WAIT:
        return seen, assumed
    nothing = np.zeros(seen.pending.shape)
    settled = replace(seen, pending=np.zeros_like(seen.pending), followed=nothing)
    if seen.efficacy_pending is not None:
        settled = replace(settled, efficacy_pending=np.zeros_like(seen.efficacy_pending), efficacy_followed=nothing)
    if seen.individuals is not None:
        whole = np.ones_like(seen.individuals.weight)
        people = replace(seen.individuals, weight=whole, time=whole)
        if people.efficacy_weight is not None:
            people = replace(people, efficacy_weight=whole)
        settled = replace(settled, individuals=people)
    return settled, assumed


def _who(many: int, one: str, several: str) -> str:
    return f"1 patient {one}" if many == 1 else f"{many} patients {several}"
