"""`believe`: how far a finding can be believed, as four findings with their words.

Chance: how often it makes a strongest association this strong. Exaggeration: how much too strong such findings are.
Probability: how likely it is real, over what was thought before. Confirmation: what a next trial needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from opsonin.analysis.believability import prior
from opsonin.analysis.believability.confirmation import events_for, power_with
from opsonin.analysis.believability.effect import Effect, effect_of, survivors_of
from opsonin.analysis.believability.exaggeration import COLUMNS, STRENGTHS, Survivors, exaggeration_table, type_m_and_s
from opsonin.analysis.believability.null import SOURCE, Null
from opsonin.analysis.believability.words import counted, multiple, percent, ratio_of, short, times, told_ratio
from opsonin.analysis.findings import Finding
from opsonin.analysis.statistics import proportion
from opsonin.errors import AnalysisError

MAXIMUM = "Westfall & Young 1993, Resampling-Based Multiple Testing"
ERRORS = "Gelman & Carlin 2014, doi:10.1177/1745691614551642"
BAYES = "Wakefield 2009, doi:10.1002/gepi.20359; Colquhoun 2017, doi:10.1098/rsos.171085"
PLAN = (
    "Hsieh & Lavori 2000, doi:10.1016/S0197-2456(00)00104-5; Schoenfeld 1983, doi:10.2307/2531021; Perugini, Gallucci "
    "& Costantini 2014, doi:10.1177/1745691614528519 (safeguard power)"
)
SAFE = 0.80  # how sure the effect planned for is to be passed
FEWEST = 10  # events; for fewer the normal approximation of Schoenfeld's formula means nothing
ONE_IN_TEN = 0.10  # the prior at which the probability is stated; the curve has the others


@dataclass(frozen=True)
class Belief:
    """What a finding is worth; a part is None where it cannot be worked out.

    believability: share of null data sets whose strongest association is at least as strong.   exaggeration: how many
    times too strong a significant estimate typically is, if the link is as strong as is plausible.   probability_real:
    if one such link in ten is real.   to_confirm: events that a next trial needs.
    """

    finding: Finding
    believability: Finding | None
    exaggeration: Finding | None
    probability_real: Finding | None
    to_confirm: Finding | None

    def findings(self) -> list[Finding]:
        """The parts there are."""
        parts = (self.believability, self.exaggeration, self.probability_real, self.to_confirm)
        return [part for part in parts if part is not None]

    @property
    def words(self) -> str:
        """All of it in sentences."""
        return " ".join(part.note for part in self.findings())

    def to_frame(self) -> pd.DataFrame:
        """One row a part."""
        return pd.DataFrame([part.to_dict() for part in self.findings()])


def believe(finding: Finding, null: Null | None = None, *, seed: int = 1) -> Belief:
    """How far a finding can be believed.

    finding: a ratio of hazards or odds, or an area under the ROC curve, with its interval; where its table holds the
    patients analysed (day, event, x, group), exactly from them, else by the normal approximation.
    null: what chance makes, of the strongest of all that was looked at; without it nothing is said of chance.
    Raises: AnalysisError where the null is empty, or the finding has neither patients nor an interval.
    """
    held = None if null is None else _against_chance(finding, null)
    data, effect = survivors_of(finding), effect_of(finding)
    alone, best = _thresholds(null)
    if data is not None:
        evidence = prior.evidence_of_data(data)
        table = exaggeration_table(data, alone, best, _effects_tried(evidence, data.spread), seed)
    elif effect is not None:
        evidence = prior.evidence_of_estimate(effect.value, effect.se)
        table = _normal_table(effect.se, alone, best, _effects_tried(evidence, 1.0))
    elif held is not None:
        return Belief(finding, held, None, None, None)
    else:
        raise AnalysisError(f"{finding.name} cannot be judged: it has no null, no ratio with an interval, no patients.")
    return Belief(
        finding,
        held,
        _exaggerated(finding, effect, evidence, table, null),
        _probable(finding, evidence, null, data is not None),
        _to_confirm(finding, data, effect, evidence),
    )


def _against_chance(finding: Finding, null: Null) -> Finding:
    known = null.strengths[np.isfinite(null.strengths)]
    if not known.size or not math.isfinite(null.observed):
        raise AnalysisError(f"{finding.name} cannot be held against chance: no null data set allows the test.")
    null = replace(null, strengths=known)
    hits = round(null.share * known.size)
    value, lower, upper = proportion(hits, known.size)
    many = percent(value) if hits else "none"
    if null.looked_at > 1:
        what = (
            f"{'has' if not hits else 'have'} a strongest association, among {null.looked_at:,} looked at, this strong"
        )
    else:
        what = f"look{'s' if not hits else ''} at least this good"
    words = f"{null.words[0].upper()}{null.words[1:]}, {many} {what}: {verdict(value)}."
    if null.looked_at > 1 and null.alone is not None:
        words += f" If it had been the only one looked at: {percent(null.share_alone) if null.share_alone else 'none'}."
    table = {"null_strength": known, "observed": abs(null.observed)}
    if null.alone is not None and null.alone.size == known.size:
        table["alone"] = null.alone
    one = "association" if null.looked_at == 1 else f"strongest association of {null.looked_at:,}"
    return Finding(
        name=f"{finding.name}.believability",
        group=finding.group,
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        n=int(known.size),
        events=hits,
        unit="proportion",
        method=f"share of null data sets with the {one} (score statistic, two-sided) at least as strong",
        reference=SOURCE if null.looked_at == 1 else f"{MAXIMUM}; {SOURCE}",
        note=words,
        table=pd.DataFrame(table),
    )


def verdict(share: float) -> str:
    """What a share of null data sets that look as good means, in words."""
    if share < 0.01:
        return "chance hardly makes this"
    if share < 0.05:
        return "chance seldom makes this"
    if share < 0.20:
        return "chance could have made this"
    return "this is what chance looks like"


def _critical(strengths: np.ndarray | None) -> float:
    """The strength that at most 5 % of the null reach; the normal one where there is no null."""
    if strengths is None or not strengths.size:
        return NormalDist().inv_cdf(0.975)
    values = np.sort(strengths)
    place = int(np.ceil(0.95 * values.size))
    beyond = values[values > values[max(place - 1, 0)] + 1e-9]
    at = values[min(place, values.size - 1)]
    return float(at if (values >= at - 1e-9).mean() <= 0.05 else beyond[0] if beyond.size else values[-1] + 1e-6)


def _thresholds(null: Null | None) -> tuple[float, float]:
    """The strength that stands out of chance: of a link looked at alone, and of the strongest of all looked at."""
    alone = _critical(None if null is None else null.alone)
    return alone, alone if null is None or null.looked_at == 1 else _critical(null.strengths)


def _effects_tried(evidence: prior.Evidence, spread: float) -> np.ndarray:
    """The effect to expect, then those from weak to strong on its side; strengths are per SD, effects per unit."""
    return np.r_[evidence.shrunken, math.copysign(1.0, evidence.shrunken) * np.log(STRENGTHS) / spread]


def _normal_table(se: float, alone: float, best: float, effects: np.ndarray) -> pd.DataFrame:
    """`exaggeration_table` of an estimate that is normal about each effect."""
    rows = []
    for b in effects:
        one, strong = type_m_and_s(b, se, alone), type_m_and_s(b, se, best)
        rows.append((b, one.power, one.type_s, one.median, strong.power, strong.median))
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _exaggerated(
    finding: Finding, effect: Effect | None, evidence: prior.Evidence, table: pd.DataFrame, null: Null | None
) -> Finding:
    first = table.iloc[0]
    per, factor = short(finding), float(first["exaggeration"])
    words = f"If the true {per} were {told_ratio(ratio_of(evidence.shrunken))}, "
    words += f"{percent(float(first['power']))} of trials like this one would show it at the 5 % level"
    if evidence.shrunken == 0:
        words += ", each of them wrongly"
    elif math.isfinite(factor) and first["power"] > 0:
        words += f", typically {times(factor)} on the log scale"
        wrong = float(first["type_s"])
        words += f"; {percent(wrong)} of these would point the wrong way" if wrong > 0.0005 else ""
    elif first["power"] > 0:
        words += ", most of them without a finite estimate"
    words += "."
    if null is not None and null.looked_at > 1:
        strong = float(first["power_strongest"])
        words += f" {percent(strong) if strong else 'Not one'} would stand out among {null.looked_at:,}."
    return Finding(
        name=f"{finding.name}.exaggeration",
        group=finding.group,
        estimate=factor,
        n=finding.n,
        events=finding.events,
        unit="times",
        method="median |log ratio| of significant trials over the true one, at the shrunken effect (type M error)",
        reference=ERRORS,
        note=words,
        table=table.iloc[1:]
        .sort_values("true_log_hazard_ratio", key=lambda b: b.abs())
        .assign(true_ratio=lambda rows: rows["true_log_hazard_ratio"].map(ratio_of)),
    )


def _probable(finding: Finding, evidence: prior.Evidence, null: Null | None, exact: bool) -> Finding:
    bayes, per = evidence.bayes_factor, "per SD of the marker" if exact else "per step of the marker"
    sure = np.nextafter(1.0, 0.0)  # a probability rounded to 1 is still none
    at = {p: min(float(prior.probability_real(bayes, p)), sure) for p in (ONE_IN_TEN, 0.5)}
    best = min(float(prior.probability_real(evidence.favourable, ONE_IN_TEN)), sure)
    better = f"{multiple(bayes)} better" if bayes >= 1.05 else "no better"
    fit = f"{multiple(1 / bayes)} worse" if bayes < 0.95 else better
    words = f"The data fit a link of usual strength {fit} than none. If one such link in ten is real, this one is with "
    words += f"{percent(at[ONE_IN_TEN])} probability"
    words += f" (at best {percent(best)}, whatever the strength of links)" if best > at[ONE_IN_TEN] + 0.01 else ""
    words += f"; at even odds {percent(at[0.5])}"
    if null is not None and null.looked_at > 1:
        rare = min(float(prior.probability_real(bayes, 1 / null.looked_at)), sure)
        words += f"; if it is any one of the {null.looked_at:,} looked at, {percent(rare)}"
    words += f". For 95 % one must have been {percent(prior.prior_needed(bayes))} sure beforehand."
    return Finding(
        name=f"{finding.name}.probability_real",
        group=finding.group,
        estimate=at[ONE_IN_TEN],
        n=finding.n,
        events=finding.events,
        unit="proportion",
        method=f"Bayes factor; effects assumed normal, SD {prior.EFFECT_SD:g} {per} (log scale); one link in ten real",
        reference=BAYES,
        note=words,
        table=prior.curve(bayes, evidence.favourable).assign(bayes_factor=bayes),
    )


def _to_confirm(
    finding: Finding, data: Survivors | None, effect: Effect | None, evidence: prior.Evidence
) -> Finding | None:
    variance = data.spread**2 if data is not None else effect.variance if effect is not None else math.nan
    share = float(data.event.mean()) if data is not None else effect.event_share if effect is not None else math.nan
    if not variance > 0:
        return None
    rows = list(_plans(evidence, None if effect is None else effect.value, variance, share))
    events, strong, first = rows[0]["events"], rows[1]["events"], rows[0]
    per, counts = short(finding), "responders" if finding.name.endswith(".auc") else "events"
    if not math.isfinite(events):
        words = f"The {per} to expect if it is real is {told_ratio(first['ratio'])}: no trial can confirm that."
    else:
        patients = f", about {counted(first['patients'])} patients followed as these were" if share > 0 else ""
        least = "at least " if events == FEWEST else ""
        words = f"To confirm it in new patients takes {least}{counted(events)} {counts} for 80 % power "
        words += f"({counted(strong)} for 90 %){patients}, if the {per} is {told_ratio(first['ratio'])}, "
        words += f"{first['effect'].partition(': ')[2]} if it is real."
        face = rows[-1]["events"]
        if rows[-1]["effect"] == "as estimated" and face < 0.8 * events:
            words += f" Planned on the estimate as it stands, {counted(face)} {counts} would have "
            words += f"{percent(power_with(face, math.log(first['ratio']), variance))} power."
    return Finding(
        name=f"{finding.name}.to_confirm",
        group=finding.group,
        estimate=events,
        n=finding.n,
        events=finding.events,
        unit=counts,
        method="two-sided 5 %, 80 % power, for the effect that is exceeded with 80 % probability if it is real",
        reference=PLAN,
        note=words,
        table=pd.DataFrame(rows),
    )


def _plans(evidence: prior.Evidence, estimate: float | None, variance: float, share: float) -> Iterator[dict]:
    """Events and patients: for the safeguard effect with 80 and 90 % power, the expected one, the estimate as it is.

    Where the safeguard would change sides, the data leave the direction open, and the expected effect stands for it.
    """
    sure = evidence.shrunken - math.copysign(NormalDist().inv_cdf(SAFE) * evidence.sd, evidence.shrunken)
    open_ = sure * evidence.shrunken <= 0
    first = "expected: as is to be expected" if open_ else "safeguard: which the truth passes with 80 % probability"
    effect = evidence.shrunken if open_ else sure
    tries = [(first, effect, 0.80), (first, effect, 0.90)]
    if not open_:
        tries.append(("expected: as is to be expected", evidence.shrunken, 0.80))
    if estimate is not None and estimate != 0:
        tries.append(("as estimated", estimate, 0.80))
    for what, b, power in tries:
        events = max(events_for(b, variance, power), FEWEST)
        patients = math.ceil(events / share) if share > 0 and math.isfinite(events) else math.inf
        yield {"effect": what, "ratio": ratio_of(b), "power": power, "events": events, "patients": patients}
