"""Whether two treatments together do more than each does, from four arms: control, one, the other, both.

Independence after Bliss says that what one leaves, the other takes its own share of: on the logarithm, effects add. The
excess is the geometric mean of the marker, as a ratio to each subject's first value, under both, over what independence
makes of the other three arms; 1 is independence. Its interval is of the arms' mice (or patients) drawn again. A marker
that both lower is lowered by more where the excess is below 1.
Source: Bliss 1939, Ann Appl Biol 26:585; for volumes of tumours: Demidenko & Miller 2019, PLoS One 14:e0224137.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin import random
from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.immune import marker_table, protocol_day
from opsonin.errors import AnalysisError

Values = Sequence[float] | Float[np.ndarray, " _"]  # arms may differ in size
DRAWS = 4000
LEVEL = 0.95
FEWEST = 3  # values of an arm, below which drawing them again tells nothing
NOTHING = 0.1  # of a logarithm: alone, neither does anything, so that only both together say which way they act
METHOD = (
    "geometric mean of ratios to baseline under both, over what independent effects make of the other arms; "
    "bootstrap of subjects"
)
SOURCE = "Bliss 1939, doi:10.1111/j.1744-7348.1939.tb06990.x; Demidenko & Miller 2019, doi:10.1371/journal.pone.0224137"


@dataclass(frozen=True)
class Synergy:
    """excess: observed over expected, with its interval;   expected, observed: both together, relative to control.
    alone: what each does alone, relative to control.   over_best: both together over the better of the two alone, with
    its interval (which of the two is better is judged anew in every draw).   n: subjects of all four arms.
    """

    excess: float
    lower: float
    upper: float
    expected: float
    observed: float
    alone: tuple[float, float]
    over_best: tuple[float, float, float]
    n: int

    @property
    def verdict(self) -> str:
        """ "more", "less" or "as independent": what the interval says of both together, in the direction they act."""
        if self.lower <= 1 <= self.upper:
            return "as independent"
        return "more" if (self.excess < 1) == _down(self.expected, self.observed) else "less"


def synergy(control: Values, one: Values, other: Values, both: Values, seed: int = 1) -> Synergy:
    """The excess over independence of a positive marker.

    Raises: AnalysisError for values that are not above 0, or fewer than three in an arm.
    """
    arms = [np.asarray(values, dtype=float) for values in (control, one, other, both)]
    for name, values in zip(("control", "one", "other", "both"), arms, strict=True):
        if len(values) < FEWEST:
            raise AnalysisError(f"synergy needs {FEWEST} values an arm; the arm {name!r} has {len(values)}.")
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise AnalysisError(f"synergy is of positive numbers; the arm {name!r} has others.")
    logs = [np.log(values) for values in arms]
    means = np.array([values.mean() for values in logs])
    drawn = np.stack([_means_again(values, seed, k) for k, values in enumerate(logs)])
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    lower, upper = np.exp(np.quantile(_excess(drawn), tails))
    c, a, b, ab = means
    better = np.minimum if _down(np.exp(a + b - 2 * c), np.exp(ab - c)) else np.maximum
    low, high = np.exp(np.quantile(drawn[3] - better(drawn[1], drawn[2]), tails))
    return Synergy(
        excess=float(np.exp(_excess(means))),
        lower=float(lower),
        upper=float(upper),
        expected=float(np.exp(a + b - 2 * c)),
        observed=float(np.exp(ab - c)),
        alone=(float(np.exp(a - c)), float(np.exp(b - c))),
        over_best=(float(np.exp(ab - better(a, b))), float(low), float(high)),
        n=sum(len(values) for values in arms),
    )


def _down(expected: Any, observed: Any) -> bool:
    """Whether both lower the marker: what they should do alone, or, where that is next to nothing, what they do."""
    return bool(expected < 1 if abs(np.log(expected)) > NOTHING else observed < 1)


def _excess(means: Float[np.ndarray, "arm ..."]) -> Any:
    """log of observed over expected, of means of logarithms."""
    c, a, b, ab = means
    return ab + c - a - b


def _means_again(values: Float[np.ndarray, " subject"], seed: int, arm: int) -> Float[np.ndarray, " draw"]:
    """Means of the arm with its subjects drawn again, with replacement."""
    count = len(values)
    which = _drawn(seed, arm, count)
    # the mean of few values drawn again spreads by (n − 1) / n too little; stretched to what the arm's variance says
    made = values[which].mean(axis=1)
    return values.mean() + (made - values.mean()) * np.sqrt(count / (count - 1))


@lru_cache(maxsize=16)
def _drawn(seed: int, arm: int, count: int) -> Int[np.ndarray, "draw subject"]:
    """Which subjects each draw takes; the same for arms of one size, as replicate trials have."""
    return np.floor(random.uniform(seed, "synergy", np.arange(DRAWS), arm, draws=count) * count).astype(int)


def synergy_findings(asked: Asked) -> list[Finding]:
    """What the questions ask of synergy; a note where it cannot be told."""
    questions = list(asked.questions.get("synergy") or [])
    if not questions:
        return []
    measurements = asked.table("measurements")
    if not len(measurements):
        return [note("synergy", "No synergy: the record has no measurements.")]
    found: list[Finding] = []
    for question in questions:
        try:
            found += _answered(asked, question, measurements)
        except AnalysisError as problem:
            found.append(note("synergy", f"{question['together']}, {question['marker']}: {problem}"))
    return found


def _answered(asked: Asked, question: Mapping[str, Any], measurements: pd.DataFrame) -> list[Finding]:
    names = _arms(asked, question)
    values, carried = _values(measurements, asked.groups.of, question["marker"], int(question["day"]), names)
    made = synergy(*(_of_arm(values, name) for name in names), seed=asked.seed)
    told = f"{carried} of them gone before that day, with their last value. " if carried else ""
    stem, group = f"synergy.{question['marker']}, day {question['day']}", str(question["together"])
    words = {
        "more": "More than independent effects would make",
        "less": "Less than independent effects would make",
        "as independent": "Not told from independent effects",
    }
    common: Any = {"group": group, "n": made.n, "method": METHOD, "reference": SOURCE, "unit": "ratio"}
    return [
        Finding(
            f"{stem}.excess",
            estimate=made.excess,
            lower=made.lower,
            upper=made.upper,
            level=LEVEL,
            note=f"{words[made.verdict]}. {told}".strip(),
            **common,
        ),
        Finding(
            f"{stem}.over_best",
            estimate=made.over_best[0],
            lower=made.over_best[1],
            upper=made.over_best[2],
            level=LEVEL,
            note="both together over the better of the two alone",
            **common,
        ),
        Finding(f"{stem}.expected", estimate=made.expected, note=f"relative to {names[0]}", **common),
        Finding(f"{stem}.observed", estimate=made.observed, note=f"relative to {names[0]}", **common),
        *(
            replace(Finding(f"{stem}.alone", estimate=alone, note=f"relative to {names[0]}", **common), group=name)
            for name, alone in zip(names[1:3], made.alone, strict=True)
        ),
        *_over_trials(asked, question, names, stem),
    ]


def _arms(asked: Asked, question: Mapping[str, Any]) -> list[str]:
    """Control, one, other, both. Raises: AnalysisError for an arm that there is not."""
    control = question.get("control") or asked.groups.reference
    names = [str(name) for name in (control, *question["alone"], question["together"])]
    for name in names:
        if name not in asked.groups.labels:
            raise AnalysisError(f"there is no arm {name!r}; there are {', '.join(asked.groups.labels)}.")
    return names


def _values(
    measurements: pd.DataFrame, of: pd.Series, marker: str, day: int, names: Sequence[str]
) -> tuple[pd.DataFrame, int]:
    """Each subject's value on a protocol day, or the last before it, over its first, and how many have an earlier one.

    Who died of a large tumour has no later value; to leave them out would flatter the arm that killed them.
    """
    rows = marker_table(measurements)
    rows = rows[(rows["name"] == marker) & (rows["protocol_day"] <= day)]
    if not len(rows):
        raise AnalysisError(f"the marker {marker!r} was not measured by day {day}.")
    each = rows.sort_values("day", kind="stable").groupby("subject_id", as_index=False)
    first, last = each.first(), each.last()
    last["amount"] /= first["amount"]
    last = last[(last["day"] > first["day"]).to_numpy(dtype=bool)].copy()
    last["group"] = last["subject_id"].map(of)
    last = last[last["group"].isin(list(names)).to_numpy(dtype=bool)]
    return last[["subject_id", "group", "amount", "protocol_day"]], int((last["protocol_day"] < day).sum())


def _of_arm(values: pd.DataFrame, name: str) -> np.ndarray:
    return values.loc[(values["group"] == name).to_numpy(dtype=bool), "amount"].to_numpy(dtype=float)


def _over_trials(asked: Asked, question: Mapping[str, Any], names: Sequence[str], stem: str) -> list[Finding]:
    """In how many replicates the interval tells more than independence, and how the excess spreads over them."""
    if asked.replicates is None or len(asked.replicates.trials) < 2:
        return []
    marker, day = question["marker"], int(question["day"])
    measured, subjects = asked.replicates.table("measurements"), asked.replicates.table("subjects")
    measured = measured[(measured["marker"].astype(str) == marker).to_numpy(dtype=bool)]
    measured = measured[protocol_day(measured["day"]) <= day]
    made = []
    for trial in asked.replicates.trials:
        people = subjects[subjects["trial"] == trial]
        of = pd.Series(people["arm"].astype(str).to_numpy(), index=people["subject_id"].astype(str))
        values, _ = _values(measured[measured["trial"] == trial], of, marker, day, names)
        made.append(synergy(*(_of_arm(values, name) for name in names), seed=asked.seed))
    excess = np.array([one.excess for one in made])
    more = int(sum(one.verdict == "more" for one in made))
    lower, upper = np.quantile(excess, [0.025, 0.975])
    common: dict[str, Any] = {"group": str(question["together"]), "n": len(made), "method": "over replicate trials"}
    return [
        Finding(
            f"{stem}.excess_over_trials",
            estimate=float(np.median(excess)),
            lower=float(lower),
            upper=float(upper),
            level=0.95,
            unit="ratio",
            note="median and middle 95 % of trials",
            **common,
        ),
        Finding(f"{stem}.told", estimate=more / len(made), events=more, unit="proportion", **common),
    ]
