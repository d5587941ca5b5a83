"""Whether to treat all patients or those with a high marker: the same trial under each reading of the marker.

A marker seen in treated patients alone may be predictive (it marks whom the treatment helps) or prognostic (its bearers
do better anyway): such data cannot tell these apart, so both are planned for. Only randomised data give one answer.
Source: Simon & Maitournam (2004), Clin Cancer Res 10:6759 (efficiency of trials in selected patients).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.analysis.planning.beliefs import HazardBelief, RateBelief, RatioBelief, percent
from opsonin.analysis.planning.plan import TRIALS
from opsonin.analysis.planning.randomised import Logistics, Patients, success
from opsonin.errors import AnalysisError

READINGS = ("predictive", "prognostic")


@dataclass(frozen=True)
class MarkedPatients:
    """What phase I says of a marker.   high: of all patients, so many of n.   ratio: high against low, in the treated.

    high_ratio, low_ratio: treated against control among the high and the low, where patients were randomised.
    """

    name: str
    high: int
    n: int
    ratio: RatioBelief | None = None
    high_ratio: RatioBelief | None = None
    low_ratio: RatioBelief | None = None

    def __post_init__(self):
        if not 0 < self.high < self.n:
            raise AnalysisError(f"{self.name}: {self.high} of {self.n} patients are high; a choice needs both kinds.")
        if self.ratio is None and (self.high_ratio is None or self.low_ratio is None):
            raise AnalysisError(f"{self.name}: nothing is known of the outcome by the marker.")

    @property
    def randomised(self) -> bool:
        """Whether treatment effects by marker are known, so that no reading has to be assumed."""
        return self.high_ratio is not None and self.low_ratio is not None

    @property
    def share(self) -> RateBelief:
        """The share of patients who are high."""
        return RateBelief(self.high, self.n)


def enrichment_table(
    marked: MarkedPatients,
    overall: RatioBelief,
    control: HazardBelief,
    logistics: Logistics,
    sizes: list[int],
    *,
    prior_sd: float | None = 0.5,
    alpha: float = 0.1,
    trials: int = TRIALS,
    seed: int = 1,
) -> pd.DataFrame:
    """Assurance by size: columns n (randomised), screened (to find as many high ones), reading, all_comers, enriched.

    overall: treated against control in all patients. Every ratio is doubted by a prior of `prior_sd` about 1.
    """
    from scipy.special import betaincinv

    from opsonin.random import uniform

    purpose = f"enrich {marked.name}"
    patients = Patients(trials, max(sizes), seed, purpose)
    drawn = uniform(seed, f"{purpose}: share", np.arange(trials))[:, 0]
    share = betaincinv(*marked.share.shapes, drawn)[:, None]
    high = patients.status < share
    base = control.draws(seed, f"{purpose}: control", trials)[:, None]

    def ratio(belief: RatioBelief, what: str) -> np.ndarray:
        return belief.doubted(prior_sd).draws(seed, f"{purpose}: {what}", trials)[:, None]

    def chance(n: int, hazard: np.ndarray, effect: np.ndarray) -> float:
        shape = (trials, n)
        cut = [np.broadcast_to(v[:, :n] if v.shape[1] > 1 else v, shape) for v in (hazard, effect)]
        return success(patients, n, cut[0], cut[1], logistics, alpha)[0]

    scenarios: list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    if marked.randomised:
        assert marked.high_ratio is not None
        assert marked.low_ratio is not None
        up, down = ratio(marked.high_ratio, "high"), ratio(marked.low_ratio, "low")
        scenarios.append(("as randomised", base, np.where(high, up, down), base, up))
    else:
        assert marked.ratio is not None
        effect, between = ratio(overall, "treatment"), ratio(marked.ratio, "marker")
        up, down = between ** (1 - share), between ** (-share)  # the mean over patients stays what it is
        by_marker = np.where(high, up, down)
        scenarios.append(("predictive", base, effect * by_marker, base, effect * up))
        scenarios.append(("prognostic", base * by_marker, effect + 0 * by_marker, base * up, effect))
    rows = [
        {
            "n": n,
            "screened": math.ceil(n / marked.share.mean),
            "reading": reading,
            "all_comers": chance(n, hazard, effect),
            "enriched": chance(n, own_hazard, own_effect),
        }
        for n in sizes
        for reading, hazard, effect, own_hazard, own_effect in scenarios
    ]
    return pd.DataFrame(rows)


def enrichment_words(marked: MarkedPatients, table: pd.DataFrame, n: int) -> list[str]:
    """What the table says at the size nearest to n, in sentences."""
    at = table.loc[(table["n"] - n).abs().groupby(table["reading"]).idxmin()]
    said = []
    for row in at.to_dict("records"):
        gain = row["enriched"] - row["all_comers"]
        verdict = "gains" if gain > 0.05 else "loses" if gain < -0.05 else "changes little"
        begin = f"If {marked.name} is {row['reading']}" if not marked.randomised else "As randomised"
        said.append(
            f"{begin}: {row['n']} patients in the trial succeed with {percent(row['all_comers'])} when all are taken, "
            f"with {percent(row['enriched'])} when only those high in {marked.name} are ({row['screened']} screened); "
            f"choosing patients {verdict}."
        )
    if not marked.randomised:
        said.append("Treated patients alone cannot tell the two readings apart; take samples from both arms, and ask.")
    return said
