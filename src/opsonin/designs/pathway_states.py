"""The states of dose-transition pathways: what is told apart of the next cohorts, and how one leads to the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from math import comb
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.base import Decisions, Design
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, PATIENTS, Evidence, Patients
from opsonin.designs.truth import Scenario
from opsonin.errors import DesignError

MOST_STATES = 2_000_000  # of one stage: memory


class Stage(NamedTuple):
    """The states after so many further cohorts.

    evidence: one row a state.   decisions: what the design does there.   paths: how many courses lead there.
    probability: of getting there under the truth that was given, NaN without one.
    """

    evidence: Evidence
    decisions: Decisions
    paths: Int[np.ndarray, " state"]
    probability: Float[np.ndarray, " state"]


class Links(NamedTuple):
    """From the states of one stage to those of the next, one entry a possible outcome of a cohort.

    outcome: row of `Pathways.shown`.
    """

    origin: Int[np.ndarray, " link"]
    outcome: Int[np.ndarray, " link"]
    to: Int[np.ndarray, " link"]


class Cohort(NamedTuple):
    """What a cohort shows: patients, with DLT, with response, with both."""

    patients: int
    dlt: int
    efficacy: int
    both: int

    @property
    def text(self) -> str:
        """A letter for each patient, as outcomes are written: "NNT"."""
        toxic, response = self.dlt - self.both, self.efficacy - self.both
        neither = self.patients - toxic - response - self.both
        return "N" * neither + "E" * response + "T" * toxic + "B" * self.both


def final(stage: Stage) -> np.ndarray:
    """States from which no cohort follows."""
    return stage.decisions.level == 0


class Maker:
    """Makes the states of the next stage from those of one, equal ones merged."""

    def __init__(self, design: Design, first: Evidence):
        self.design = design
        self.efficacy = EFFICACY in design.needs
        self.looks_back = _looks_back(design, first)
        # nobody further is followed on backfill
        self.beside = {"backfilled": first.backfilled, "backfilled_dlt": first.backfilled_dlt}
        self.shown: list[Cohort] = []
        self._place: dict[Cohort, int] = {}

    def next(self, stage: Stage, chances: np.ndarray | None) -> tuple[Links, Stage]:
        seen, made = stage.evidence, stage.decisions
        going = np.flatnonzero(~final(stage))
        base = self._state(seen)
        states, origins, numbers, weights = [], [], [], []
        for size in np.unique(made.patients[going]).tolist():
            rows = going[made.patients[going] == size]
            at = made.level[rows] - 1
            for cohort in _cohorts(size, self.efficacy):
                states.append(self._after(base[rows], made.level[rows], cohort))
                origins.append(rows)
                numbers.append(np.full(len(rows), self._number(cohort)))
                weights.append(np.full(len(rows), np.nan) if chances is None else _chance(cohort, chances[at]))
        every, origin = np.concatenate(states), np.concatenate(origins)
        merged, to = _distinct(every)
        if len(merged) > MOST_STATES:
            raise DesignError(f"{len(merged):,} states after this cohort are too many; ask for fewer cohorts.")
        paths = np.zeros(len(merged), dtype=np.int64)
        np.add.at(paths, to, stage.paths[origin])
        chance = np.bincount(to, weights=stage.probability[origin] * np.concatenate(weights), minlength=len(merged))
        evidence = self._evidence(merged)
        order = np.lexsort((origin,))
        links = Links(origin[order], np.concatenate(numbers)[order], to[order])
        return links, Stage(evidence, self.design.decide_many(evidence), paths, chance)

    def _number(self, cohort: Cohort) -> int:
        if cohort not in self._place:
            self._place[cohort] = len(self.shown)
            self.shown.append(cohort)
        return self._place[cohort]

    def _state(self, seen: Evidence) -> Int[np.ndarray, "state number"]:
        """What tells states apart: counts, the current level, and the last cohort where the design looks at it."""
        parts = [seen.patients, seen.dlt]
        if self.efficacy:
            assert seen.efficacy is not None
            assert seen.both is not None
            parts += [seen.efficacy, seen.both]
        last = [np.zeros(len(seen), dtype=np.int64)] * 2
        if self.looks_back:
            assert seen.last_patients is not None
            assert seen.last_dlt is not None
            last = [seen.last_patients, seen.last_dlt]
        return np.concatenate([*parts, *(a[:, None] for a in (seen.current, *last))], axis=1).astype(np.int64)

    def _after(self, state: np.ndarray, level: np.ndarray, cohort: Cohort) -> Int[np.ndarray, "state number"]:
        doses, rows = self.design.levels, np.arange(len(state))
        after = state.copy()
        added = (cohort.patients, cohort.dlt, cohort.efficacy, cohort.both) if self.efficacy else cohort[:2]
        for part, many in enumerate(added):
            after[rows, part * doses + level - 1] += many
        after[:, -3] = level
        if self.looks_back:
            after[:, -2:] = cohort.patients, cohort.dlt
        return after

    def _evidence(self, state: Int[np.ndarray, "state number"]) -> Evidence:
        doses, needs = self.design.levels, self.design.needs
        tables = [state[:, k : k + doses] for k in range(0, state.shape[1] - 3, doses)]
        given: dict[str, Any] = {}
        if self.looks_back:
            given |= {"last_patients": state[:, -2], "last_dlt": state[:, -1]}
        if self.efficacy:
            given |= {"efficacy": tables[2], "both": tables[3]}
        for name, table in self.beside.items():
            if table is not None:
                given[name] = np.broadcast_to(table, tables[0].shape)
        nothing = np.zeros_like(tables[0])
        if FOLLOW_UP in needs:
            given |= {"pending": nothing, "followed": nothing.astype(float)}
            if self.efficacy:
                given |= {"efficacy_pending": nothing, "efficacy_followed": nothing.astype(float)}
        if PATIENTS in needs:
            responses, both = (tables[2], tables[3]) if self.efficacy else (nothing, nothing)
            given["individuals"] = _people(tables[0], tables[1], responses, both)
        return Evidence(tables[0], tables[1], state[:, -3], **given)


def _looks_back(design: Design, first: Evidence) -> bool:
    """Whether the last cohort's own outcomes matter: a rule that needs them says so where they are missing."""
    try:
        design.decide_many(replace(first, last_patients=None, last_dlt=None))
    except DesignError:
        return True
    return False


def _cohorts(size: int, efficacy: bool) -> list[Cohort]:
    """Every outcome of a cohort, from the mildest."""
    if not efficacy:
        return [Cohort(size, dlt, 0, 0) for dlt in range(size + 1)]
    found = []
    for toxic, response, both in itertools.product(range(size + 1), repeat=3):
        if toxic + response + both <= size:
            found.append(Cohort(size, toxic + both, response + both, both))
    return sorted(found, key=lambda cohort: (cohort.dlt, -cohort.efficacy, cohort.both))


def chances_of(truth: Scenario | Sequence[float] | None, design: Design, efficacy: bool) -> np.ndarray | None:
    """Probability of a DLT and of a response at each dose; a table (dose, 2)."""
    if truth is None:
        return None
    scene = truth if isinstance(truth, Scenario) else Scenario(truth)
    if scene.doses != design.levels:
        raise DesignError(f"the design has {design.levels} levels, but the truth {scene.doses} doses.")
    if efficacy and scene.efficacy is None:
        raise DesignError("the design looks at responses; give a scenario with their probabilities.")
    if efficacy and scene.correlation:
        raise DesignError("probabilities of pathways are for response independent of toxicity; set correlation to 0.")
    good = np.zeros(scene.doses) if scene.efficacy is None or not efficacy else scene.efficacy
    return np.stack([scene.dlt, good], axis=1)


def _chance(cohort: Cohort, chances: Float[np.ndarray, "state 2"]) -> Float[np.ndarray, " state"]:
    """The multinomial probability of a cohort's outcome."""
    toxic, good = chances[:, 0], chances[:, 1]
    only_toxic, only_good = cohort.dlt - cohort.both, cohort.efficacy - cohort.both
    left = cohort.patients - cohort.both
    ways = (
        comb(cohort.patients, cohort.both) * comb(left, only_toxic) * comb(left - only_toxic, only_good)
    )  # which patients show which
    neither = left - only_toxic - only_good
    return (
        ways
        * (toxic * good) ** cohort.both
        * (toxic * (1 - good)) ** only_toxic
        * ((1 - toxic) * good) ** only_good
        * ((1 - toxic) * (1 - good)) ** neither
    )


def _distinct(states: Int[np.ndarray, "any number"]) -> tuple[np.ndarray, np.ndarray]:
    """The different rows, sorted, and which of them each row is."""
    small = np.ascontiguousarray(states, dtype=">u2")  # its bytes sort as the numbers do
    keys = small.view(np.dtype((np.void, small.dtype.itemsize * small.shape[1])))[:, 0]
    _, first, to = np.unique(keys, return_index=True, return_inverse=True)
    return states[first], to.reshape(-1)


def _people(patients: np.ndarray, dlt: np.ndarray, efficacy: np.ndarray, both: np.ndarray) -> Patients:
    """Single patients of these counts, all followed to the end, in order of dose."""
    states, most = len(patients), int(patients.sum(axis=1).max(initial=0))
    dose = np.zeros((states, most), dtype=np.int64)
    toxic, good = np.zeros((states, most), dtype=bool), np.zeros((states, most), dtype=bool)
    place = np.arange(most)
    start = np.cumsum(patients, axis=1) - patients
    for k in range(patients.shape[1]):
        rank = place - start[:, k : k + 1]
        here = (rank >= 0) & (rank < patients[:, k : k + 1])
        dose[here] = k + 1
        toxic |= here & (rank < dlt[:, k : k + 1])
        alone = rank - dlt[:, k : k + 1]  # who had both stands first, who only responded after all with a DLT
        good |= here & ((rank < both[:, k : k + 1]) | ((alone >= 0) & (alone < (efficacy - both)[:, k : k + 1])))
    whole = np.ones((states, most))
    unknown = np.full((states, most), -1, dtype=np.int64)
    return Patients(dose, toxic, whole, whole, good, unknown, np.full((states, most), np.nan))
