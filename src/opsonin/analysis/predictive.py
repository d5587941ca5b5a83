"""A marker that splits patients, and one that says whom a treatment helps: cuts, arms, interaction."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.believability import believe
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.markers import Marker
from opsonin.analysis.penalised import COX_SOURCE, FIRTH_SOURCE, finite_hazard_ratio_or_note
from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival import cox, firth_cox
from opsonin.errors import AnalysisError, MonotoneLikelihoodError

MOST_CONTRASTS = 3  # more arms than this are cohorts side by side, where "predictive" has no meaning


def split_finding(asked: Asked, marker: Marker, rows: pd.DataFrame, stem: str, strata: np.ndarray) -> Finding:
    """High against low, at the stated cut or the median of those analysed."""
    cut, words = cut_of(asked, marker, rows)
    high = (rows["value"] >= cut).to_numpy(dtype=float)
    remark = "" if words.startswith("stated") else "A cut at the median depends on who was sampled."
    group = f"high vs low ({words})"
    return finite_hazard_ratio_or_note(
        rows, high, f"{stem}.split_hazard_ratio", group, strata, f", high: value ≥ {cut:.4g}", remark
    )


def cut_of(asked: Asked, marker: Marker, rows: pd.DataFrame) -> tuple[float, str]:
    """Where high begins (value ≥ cut), and how it was chosen."""
    stated = dict(asked.questions.get("cut") or {}).get(marker.name)
    if stated is not None:
        return float(stated), f"stated cut {float(stated):g} {marker.unit}".strip()
    middle = float(rows["value"].median())
    return middle, f"median {middle:.3g} {marker.unit}".strip()


def by_arm(asked: Asked, marker: Marker, rows: pd.DataFrame, stem: str) -> Iterator[Finding]:
    """The marker within each arm; and, for each contrast, the interaction and the treatment effect in high and low."""
    informative = rows.groupby("group").filter(lambda own: own["event"].any() and own["x"].nunique() > 1)
    there = set(informative["group"])
    silent = [label for label in asked.groups.labels if label not in there]
    if silent:
        said = f"{marker.words} against {stem.split('.')[1]}: no events, or no variation, in {', '.join(silent)}"
        yield note(stem, f"{said}; nothing is estimated there.")
    for label in (label for label in asked.groups.labels if label in there):
        own = rows[rows["group"] == label]
        yield finite_hazard_ratio_or_note(own, own["x"], f"{stem}.hazard_ratio", label, None, f", {marker.step}")
    contrasts = [pair for pair in asked.groups.contrasts() if set(pair) <= there]
    if len(contrasts) > MOST_CONTRASTS:
        said = f"{marker.words} against {stem.split('.')[1]}: {len(contrasts)} contrasts are too many for interactions."
        yield note(f"{stem}.interaction", said)
        return
    cut, words = cut_of(asked, marker, rows)
    for one, other in contrasts:
        pair = rows[rows["group"].isin([one, other])]
        arm = (pair["group"] == one).to_numpy(dtype=float)
        interaction = interaction_finding(pair, arm, f"{stem}.interaction", (one, other), marker.words, marker.step)
        yield interaction
        if not interaction.is_note:
            yield from believe(interaction).findings()
        high = pair.assign(x=(pair["value"] >= cut).to_numpy(dtype=float))
        if words.startswith("stated") and high["x"].nunique() > 1:
            step = f"high against low, {words}"
            yield interaction_finding(high, arm, f"{stem}.split_interaction", (one, other), marker.words, step)
        for side, kept in (("high", pair["value"] >= cut), ("low", pair["value"] < cut)):
            here, group = kept.to_numpy(dtype=bool), f"{side} ({words}): {one} vs {other}"
            yield finite_hazard_ratio_or_note(pair[here], arm[here], f"{stem}.treatment_hazard_ratio", group)


def interaction_finding(
    pair: pd.DataFrame, arm: np.ndarray, name: str, names: tuple[str, str], marker: str, step: str
) -> Finding:
    """How the treatment's hazard ratio changes with the marker: the product term, with its likelihood ratio p.

    Where the likelihood is monotone, Firth's penalised one with profile limits. table: the treatment's hazard ratio
    along the marker's values.
    """
    x = pair["x"].to_numpy(dtype=float) - float(pair["x"].mean())
    both = np.stack([arm, x, arm * x], axis=1)
    terms = ["treatment", "marker", "interaction"]
    try:
        without = cox(pair["day"], pair["event"], both[:, :2], names=terms[:2])
        fit = cox(pair["day"], pair["event"], both, names=terms)
        p = two_sided_p(math.sqrt(max(2 * (fit.log_likelihood - without.log_likelihood), 0.0)))
        how, source, remark = "Cox model; likelihood ratio p", COX_SOURCE, ""
    except MonotoneLikelihoodError:
        try:
            fit = firth_cox(pair["day"], pair["event"], both, names=terms)
        except AnalysisError as problem:
            return note(name, f"No interaction with {marker}: {problem}")
        p, how = float(fit.p[2]), "Cox model with Firth's penalty; penalised likelihood ratio p"
        source, remark = FIRTH_SOURCE, " An arm has too few events at one end of the marker for a plain estimate."
    except AnalysisError as problem:
        return note(name, f"No interaction with {marker}: {problem}")
    lower, upper = (float(v) for v in fit.interval[2])
    return Finding(
        name,
        f"{names[0]} vs {names[1]}",
        float(fit.hazard_ratio[2]),
        lower,
        upper,
        0.95,
        p,
        fit.n,
        fit.events,
        "ratio of hazard ratios",
        f"treatment × marker ({step}) in a {how}",
        source,
        "Below 1: the treatment does better where the marker is high. Only randomised arms can show this." + remark,
        treatment_along(fit.coefficient, fit.variance, pair["value"].to_numpy(dtype=float), x),
    )


def treatment_along(
    coefficient: np.ndarray, variance: np.ndarray, value: np.ndarray, x: np.ndarray, points: int = 41
) -> pd.DataFrame:
    """The treatment's hazard ratio over the middle 95 % of a marker's values: value, hazard_ratio, lower, upper.

    coefficient, variance: of treatment, marker and their product with the marker's scale x. Pointwise 95 % interval of
    a linear predictor; Royston & Sauerbrei (2004), Stat Med 23:2509, for the picture.
    """
    order = np.argsort(value, kind="stable")
    at = np.unique(np.quantile(np.arange(value.size), np.linspace(0.025, 0.975, points)).round().astype(int))
    there, where = value[order][at], x[order][at]
    log = coefficient[0] + coefficient[2] * where
    se = np.sqrt(np.maximum(variance[0, 0] + 2 * where * variance[0, 2] + where**2 * variance[2, 2], 0.0))
    ratio, low, high = (np.exp(np.clip(log + side * 1.959964 * se, -700.0, 700.0)) for side in (0, -1, 1))
    return pd.DataFrame({"value": there, "hazard_ratio": ratio, "lower": low, "upper": high})
