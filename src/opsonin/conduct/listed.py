"""Every outcome of the next cohort for designs that look at more than DLTs and responses: grades, an immune effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from math import comb

import numpy as np
import pandas as pd

from opsonin.designs import Decision, Design, Outcomes
from opsonin.designs.evidence import EFFICACY, GRADES, IMMUNE

GRADED = range(5)  # worst grades that a patient who lives may have
LIMITING = 3  # from this grade on a toxicity is taken to be dose-limiting
MOST = 70  # outcomes that are listed: grades of four patients
_KNOWN = "the immune effect in the next cohort is not known yet"
_COLUMNS = ["outcome", "dlt", "decision", "level", "patients", "mtd", "reason"]


def listed(design: Design, seen: Outcomes, made: Decision) -> tuple[pd.DataFrame, str]:
    """One row for each outcome of the next cohort, as `Pathways.next_cohort`, and what is assumed, in words.

    A toxicity of grade 3 or worse is taken to be dose-limiting; an immune effect of the next cohort is taken to be
    unknown, and patients still in their window to end it without a DLT. Empty where nobody is treated next, or there
    are too many outcomes to read.
    """
    size = made.patients
    graded = GRADES in design.needs
    count = comb(len(GRADED) + size - 1, size) if graded else size + 1
    if made.level is None or not size or count > MOST or EFFICACY in design.needs:
        return pd.DataFrame(columns=pd.Index(_COLUMNS)), ""
    before, pending = _settled(seen)
    rows = []
    for grades, dlt in sorted(_cohorts(size, graded), key=lambda one: (sum(one[1]), one[0])):
        after = _with_cohort(before, made.level, dlt, grades if graded else None, IMMUNE in design.needs)
        then = design.decide(after)
        text = after.text[len(before.text) :].strip().removeprefix(design.dose_label(made.level))
        rows.append((text, sum(dlt), then.action, then.level, then.patients, then.mtd, then.reason))
    table = pd.DataFrame(rows, columns=pd.Index(_COLUMNS)).astype({"level": "Int64", "mtd": "Int64"})
    assumed = [
        *(["a toxicity of grade 3 or worse is dose-limiting"] if graded else []),
        *([_KNOWN] if IMMUNE in design.needs else []),
        *([pending] if pending else []),
    ]
    return table, "; ".join(assumed)


def _cohorts(size: int, graded: bool) -> Iterator[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """The worst grades and DLTs of the patients of a cohort, from the mildest."""
    if graded:
        for grades in combinations_with_replacement(GRADED, size):
            yield grades, tuple(grade >= LIMITING for grade in grades)
        return
    for dlt in range(size + 1):
        yield (), (False,) * (size - dlt) + (True,) * dlt


def _settled(seen: Outcomes) -> tuple[Outcomes, str]:
    """The outcomes once everybody's window is over, and what that takes for granted."""
    days = seen.followed_days
    if days is None or not np.isfinite(days).any():
        return seen, ""
    many = int(np.isfinite(days).sum())
    who = "1 patient still in the window ends it" if many == 1 else f"{many} patients still in the window end it"
    return replace(seen, followed_days=None), f"{who} without a DLT"


def _with_cohort(
    seen: Outcomes, level: int, dlt: tuple[bool, ...], grades: tuple[int, ...] | None, immune: bool
) -> Outcomes:
    """The outcomes and those of one more cohort."""
    size = len(dlt)
    cohorts = np.array(seen.cohorts, dtype=np.int64)
    number = int(cohorts.max(initial=0)) + 1

    def more(name: str, values: np.ndarray, usual: object) -> np.ndarray | None:
        own = getattr(seen, name)
        if own is None and usual is None:
            return None
        return np.concatenate([np.full(len(seen), usual) if own is None else own, values])

    return Outcomes(
        np.concatenate([seen.level, np.full(size, level)]),
        np.concatenate([seen.dlt, np.array(dlt, dtype=bool)]),
        np.concatenate([cohorts, np.full(size, number)]),
        grade=None if grades is None else more("grade", np.array(grades, dtype=np.int64), -1),
        immune=more("immune", np.full(size, np.nan), np.nan) if immune else None,
        columns=seen.columns,
        backfill=more("backfill", np.zeros(size, dtype=bool), None),
    )
