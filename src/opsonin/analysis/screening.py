"""Many markers against one outcome, one model each: a time to event, a response, or a number.

Each marker is fitted in its own complete cases, beside the covariates to adjust for and within the strata; where it
separates those with from those without the event, Firth's penalty takes over (Heinze & Schemper 2001, 2002). With few
events the p that counts is by permutation within the strata, which holds at any size; with many, by likelihood ratio.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.multiplicity import METHODS as CORRECTIONS
from opsonin.analysis.multiplicity import adjust_p
from opsonin.analysis.screen_codes import (
    AUTO,
    COLUMNS,
    COX,
    ERROR,
    EVENTS,
    FIRTH,
    LOGISTIC,
    LOWER,
    PENALISED,
    PLAIN,
    RATIO,
    SCORE,
    SEPARATES,
    SLOPE,
    STATUS,
    UNSETTLED,
    UPPER,
    WORDS,
    N,
)  # fmt: skip
from opsonin.analysis.screen_input import covariates, dummies, marker_table, outcome_numbers
from opsonin.analysis.screen_linear import screen_linear
from opsonin.analysis.screen_permutation import Permuted, enough, permutation_p
from opsonin.analysis.screen_result import Screen
from opsonin.analysis.survival.data import checked, strata_codes
from opsonin.errors import AnalysisError

SMALL = 50  # with fewer events the p that counts is by permutation
FEW = (32, 400)  # so many markers and patients at most are fitted without compiled code
MOST_AGAIN = 500  # markers whose compiled fit did not settle are fitted once more, this many at most
BLOCK = 256  # markers copied into the order of time at a time
METHODS = {"plain": PLAIN, "cox": PLAIN, "firth": FIRTH, "auto": AUTO}
TESTS = ("auto", "likelihood ratio", "score", "wald", "permutation")
Scores = Callable[[np.ndarray], np.ndarray]


def screen(
    time: Any,
    event: Any,
    markers: Any,
    *,
    names: list[str] | None = None,
    adjust: Any = None,
    strata: Any = None,
    ties: str = "efron",
    method: str = "auto",
    test: str = "auto",
    correction: str = "bh",
    permutations: int | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Screen:
    """The hazard ratio of each marker against a time to event, one Cox model a marker.

    markers: (n, k), NaN where missing, or a DataFrame.   adjust: (n, q) or a DataFrame, none missing.   method: "cox",
    "firth", or "auto" (Firth's penalty where the marker separates).   test: the p that counts and is adjusted; "auto"
    takes "permutation" with fewer than 50 events, else "likelihood ratio".   correction: of `adjust_p`.
    permutations: how many; None takes as many as the adjustment needs, within reason.
    Raises: AnalysisError for input that cannot be read, no events, or unknown words.
    """
    t, d, _ = checked(time, event)
    if not d.any():
        raise AnalysisError("a screen needs at least one event; all times are censored.")
    if ties not in ("efron", "breslow"):
        raise AnalysisError(f"ties {ties!r} is unknown to a screen; use 'efron' or 'breslow'.")
    rows, labels = marker_table(markers, names, t.size)
    others, stratum, y = covariates(adjust, t.size), strata_codes(strata, t.size), d.astype(float)
    chosen = _choices(method, test, correction, level, int(d.sum()))
    fitted = _fit(COX, rows, t, y, stratum, others, ties == "efron", METHODS[method], level)
    shuffled, draws = None, 0
    if chosen == "permutation":
        draws = _draws(permutations, len(labels), t.size)
        scores, rest = _survival_scores(t, d, stratum, others, ties), _within(rows, others, stratum)
        if not scores(np.ones(t.size, dtype=bool)).any():
            if not others.shape[0]:
                raise AnalysisError(
                    "a screen needs patients of whom one has the event while others are at risk; in no stratum there "
                    "is one. Use fewer strata."
                )
            raise AnalysisError(
                "the covariates to adjust for have no model of their own: one is given by the others, or does not "
                "differ within the strata; leave it out."
            )
        shuffled = permutation_p(rest, stratum, scores, draws, seed, "screen")
    words = f"one Cox model a marker, {ties.capitalize()} ties"
    return _result(
        fitted, labels, "hazard ratio", chosen, correction, shuffled, draws, t.size, int(d.sum()), level, words,
        others.shape[0], strata is not None,
    )  # fmt: skip


def screen_response(
    response: Any,
    markers: Any,
    *,
    names: list[str] | None = None,
    adjust: Any = None,
    strata: Any = None,
    method: str = "auto",
    test: str = "auto",
    correction: str = "bh",
    permutations: int | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Screen:
    """The odds ratio of each marker against a response (0 or 1), one logistic model a marker.

    Strata have an intercept each; those without patients of both kinds say nothing and are left out. Arguments as of
    `screen`; "plain" or "firth" or "auto" for the method; "auto" tests by permutation with fewer than 50 responders or
    non-responders (the exact conditional test of the responders' sum, by draws).
    Raises: AnalysisError as there, and where nobody or everybody responded.
    """
    y = outcome_numbers(response, "response", flags=True)
    fewer = int(min(y.sum(), (1 - y).sum()))
    if not fewer:
        raise AnalysisError(f"a screen needs responders and others; {'nobody' if not y.any() else 'everybody'} is one.")
    rows, labels = marker_table(markers, names, y.size)
    others, stratum = covariates(adjust, y.size), strata_codes(strata, y.size)
    chosen = _choices(method, test, correction, level, fewer)
    full = np.vstack([np.ones((1, y.size)), others, dummies(stratum)])
    fitted = _fit(LOGISTIC, rows, np.zeros(y.size), y, stratum, full, True, METHODS[method], level)
    shuffled, draws = None, 0
    if chosen == "permutation":
        draws = _draws(permutations, len(labels), y.size)
        left = _within(y[None, :], others, stratum)[0]
        shuffled = permutation_p(
            _within(rows, others, stratum), stratum, lambda kept: left[kept], draws, seed, "screen response"
        )
    return _result(
        fitted, labels, "odds ratio", chosen, correction, shuffled, draws, y.size, int(y.sum()), level,
        "one logistic model a marker", others.shape[0], strata is not None,
    )  # fmt: skip


def screen_values(
    outcome: Any,
    markers: Any,
    *,
    names: list[str] | None = None,
    adjust: Any = None,
    strata: Any = None,
    test: str = "wald",
    correction: str = "bh",
    permutations: int | None = None,
    level: float = 0.95,
    seed: int = 1,
) -> Screen:
    """How much an outcome that is a number differs per unit of each marker: least squares, Student's t.

    test: "wald" (Student's t) or "permutation". Strata have an intercept each. Other arguments as of `screen`.
    Raises: AnalysisError for input that cannot be read.
    """
    y = outcome_numbers(outcome, "outcome", flags=False)
    if test not in ("wald", "permutation"):
        raise AnalysisError(f"the test {test!r} is unknown for an outcome that is a number; use wald or permutation.")
    _choices("auto", test, correction, level, SMALL)
    rows, labels = marker_table(markers, names, y.size)
    others, stratum = covariates(adjust, y.size), strata_codes(strata, y.size)
    full = np.vstack([np.ones((1, y.size)), others, dummies(stratum)])
    fitted, p = screen_linear(rows, y, full, level)
    shuffled, draws = None, 0
    if test == "permutation":
        draws = _draws(permutations, len(labels), y.size)
        left = _within(y[None, :], others, stratum)[0]
        shuffled = permutation_p(
            _within(rows, others, stratum), stratum, lambda kept: left[kept], draws, seed, "screen values"
        )
    return _result(
        fitted, labels, "difference", test, correction, shuffled, draws, y.size, 0, level,
        "one linear model a marker", others.shape[0], strata is not None, p,
    )  # fmt: skip


def _choices(method: str, test: str, correction: str, level: float, events: int) -> str:
    """The test that counts.   Raises: AnalysisError for a word or level that is unknown."""
    for word, known, what in ((method, METHODS, "method"), (test, TESTS, "test")):
        if word not in known:
            raise AnalysisError(f"the {what} {word!r} of a screen is unknown; use one of {', '.join(known)}.")
    if correction not in CORRECTIONS:
        raise AnalysisError(f"the correction {correction!r} is unknown; use one of {', '.join(CORRECTIONS)}.")
    if not 0 < level < 1:
        raise AnalysisError(f"the level of the intervals is {level:g}; give one between 0 and 1, such as 0.95.")
    if test != "auto":
        return test
    return "permutation" if events < SMALL else "likelihood ratio"


def _draws(asked: int | None, markers: int, patients: int) -> int:
    if asked is None:
        return enough(markers, patients)
    if not isinstance(asked, int) or asked < 1:
        raise AnalysisError(f"permutations = {asked!r} cannot be drawn; give a whole number, 1 or more.")
    return asked


def _fit(
    kind: int,
    rows: np.ndarray,
    time: np.ndarray,
    y: np.ndarray,
    stratum: np.ndarray,
    others: np.ndarray,
    efron: bool,
    method: int,
    level: float,
) -> np.ndarray:
    """A row of screen_codes per marker, by compiled code where there are many."""
    from opsonin.analysis.screen_few import screen_few

    cut = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    if rows.shape[0] <= FEW[0] and rows.shape[1] <= FEW[1]:
        return screen_few(kind, rows, time, y, stratum, others, efron, method, cut)
    from opsonin.analysis.screen_kernels import screen_block

    order = np.lexsort((-time, stratum))
    t, d, s = time[order], y[order], stratum[order].astype(np.int64)
    beside = np.ascontiguousarray(others[:, order])
    out = np.empty((rows.shape[0], COLUMNS))
    for first in range(0, rows.shape[0], BLOCK):
        block = np.ascontiguousarray(rows[first : first + BLOCK][:, order])
        screen_block(kind, block, t, d, s, beside, efron, method, cut, out[first : first + BLOCK])
    unsettled = np.flatnonzero(out[:, STATUS] == UNSETTLED)[:MOST_AGAIN]
    if unsettled.size:  # the penalty's flat ridges want the curvature that the slow path learns
        out[unsettled] = screen_few(kind, rows[unsettled], time, y, stratum, others, efron, method, cut)
    return out


def _survival_scores(t: np.ndarray, d: np.ndarray, stratum: np.ndarray, others: np.ndarray, ties: str) -> Scores:
    """Martingale residuals without the marker: log-rank scores, or those of the covariates' Cox model.

    Zeros, of which nothing follows, where the covariates have no model among the patients kept.
    """
    from opsonin.analysis.survival import cox, firth_cox
    from opsonin.analysis.survival.likelihood import PartialLikelihood, logrank_scores

    def of(kept: np.ndarray) -> np.ndarray:
        moving = [row for row in others[:, kept] if np.ptp(row) > 0]
        if not moving or not d[kept].any():
            return logrank_scores(t[kept], d[kept], stratum[kept], ties)
        x = np.stack(moving, axis=1)
        for model in (cox, firth_cox):  # the penalty where a covariate separates
            try:
                slope = model(t[kept], d[kept], x, strata=stratum[kept], ties=ties).coefficient
            except AnalysisError:
                continue
            return PartialLikelihood(t[kept], d[kept], x, stratum[kept], None, ties).martingale_residuals(slope)
        return np.zeros(int(kept.sum()))

    return of


def _within(rows: np.ndarray, others: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """Each row less what the covariates explain of it within the strata; as given where there are none."""
    if not others.shape[0]:
        return rows
    out = np.full(rows.shape, np.nan)
    base = np.vstack([np.ones((1, rows.shape[1])), others, dummies(stratum)])
    for k, row in enumerate(rows):
        kept = np.isfinite(row)
        if kept.any():
            best = np.linalg.lstsq(base[:, kept].T, row[kept], rcond=None)[0]
            out[k, kept] = row[kept] - base[:, kept].T @ best
    return out


def _result(
    fitted: np.ndarray,
    labels: list[str],
    unit: str,
    test: str,
    correction: str,
    shuffled: Permuted | None,
    draws: int,
    n: int,
    events: int,
    level: float,
    words: str,
    adjusted: int,
    stratified: bool,
    p_wald: np.ndarray | None = None,
) -> Screen:
    from scipy.special import chdtrc

    ratio = unit != "difference"
    slope, error, penalised = fitted[:, SLOPE], fitted[:, ERROR], fitted[:, PENALISED] == 1
    status = fitted[:, STATUS].astype(int)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        shown = [np.exp(v) if ratio else v for v in (slope, fitted[:, LOWER], fitted[:, UPPER])]
        wald = chdtrc(1, (slope / error) ** 2) if p_wald is None else p_wald
    table = pd.DataFrame(
        {
            "marker": labels, "n": fitted[:, N].astype(int), "events": fitted[:, EVENTS].astype(int),
            "coefficient": slope, "se": error, "estimate": shown[0], "lower": shown[1], "upper": shown[2],
            "p_wald": wald, "p_score": chdtrc(1, fitted[:, SCORE]) if ratio else np.nan,
            "p_likelihood_ratio": chdtrc(1, fitted[:, RATIO]), "p_permutation": np.nan, "p_family": np.nan,
        }
    )  # fmt: skip
    if shuffled is not None:
        table["p_permutation"], table["p_family"] = shuffled.p, shuffled.family
    table["p"] = table[f"p_{test.replace(' ', '_')}"]
    table["p_adjusted"] = adjust_p(table["p"], correction)
    table["separated"], table["penalised"] = fitted[:, SEPARATES] == 1, penalised
    table["remark"] = [WORDS.get(s, "") for s in status]
    said = f"{words}{', adjusted for covariates' if adjusted else ''}{', stratified' if stratified else ''}"
    how = f"{draws:,} permutations{' within the strata' if stratified else ''}" if draws else test
    how = "Student's t" if unit == "difference" and not draws else how
    return Screen(table, unit, test, correction, draws, n, events, level, f"{said}; p by {how}")
