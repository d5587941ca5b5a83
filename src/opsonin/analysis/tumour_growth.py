"""How fast tumours shrank and grew: rates from the scans, early shrinkage, doubling time; of any record with sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.growth_models import MODELS, fit_growth, nadir_day
from opsonin.analysis.statistics import proportion
from opsonin.errors import AnalysisError, CriteriaError

SOURCE = "Stein 2011, Clin Cancer Res 17:907; Wilkerson 2017, Lancet Oncol 18:143"
EARLY_SOURCE = "Piessevaux 2013, J Clin Oncol 31:3764"
EARLY_DAYS = (35.0, 77.0)  # scans that stand for the one at eight weeks
EARLY_TARGET_DAY = 56.0
EARLY_SHRINKAGE = -20.0  # percent: the limit in use for early shrinkage
FEWEST = 3  # patients with a rate, for a median to be worth giving


def tumour_sizes(lesions: pd.DataFrame, responses: pd.DataFrame | None = None) -> pd.DataFrame:
    """The sum of target lesions at every scan that measured them all: subject_id, day, sum_mm; baseline first.

    From the lesions where there are any, else from the responses' sums and changes from baseline (at day 0.0 then).
    Raises: AnalysisError where the lesions cannot be laid out, with the reason.
    """
    columns = pd.Index(["subject_id", "day", "sum_mm"])
    if len(lesions) and (lesions["kind"] == "target").any():
        from opsonin.criteria.lesion_arrays import lay_out
        from opsonin.criteria.lesion_checks import check_lesions

        try:
            check_lesions(lesions)
            arrays = lay_out(lesions)
        except CriteriaError as problem:
            raise AnalysisError(str(problem)) from None
        there = arrays.target.names != ""
        size = np.where(there[:, :, None], arrays.target.size, 0.0)
        total = np.where(there.any(axis=1)[:, None], size.sum(axis=1), np.nan)  # NaN where one was missed
        days = np.concatenate([arrays.baseline_day[:, None], arrays.days], axis=1)
        p, v = np.nonzero(~np.isnan(total) & ~np.isnan(days))
        subjects = np.array(arrays.subjects, dtype=object)
        return pd.DataFrame({"subject_id": subjects[p], "day": days[p, v], "sum_mm": total[p, v]})
    if responses is None or not len(responses):
        return pd.DataFrame(columns=columns)
    rows = responses.dropna(subset=["sum_mm", "change_from_baseline_percent"])
    rows = rows[(rows["day"] > 0) & (rows["change_from_baseline_percent"] > -100)]
    rows = rows.assign(subject_id=rows["subject_id"].astype(str)).drop_duplicates(["subject_id", "day"])
    first = rows.drop_duplicates("subject_id")
    base = first["sum_mm"] / (1 + first["change_from_baseline_percent"] / 100)
    start = pd.DataFrame({"subject_id": first["subject_id"], "day": 0.0, "sum_mm": base})
    whole = pd.concat([start, rows[["subject_id", "day", "sum_mm"]]], ignore_index=True)
    return whole.sort_values(["subject_id", "day"], kind="stable", ignore_index=True)


def growth_table(sizes: pd.DataFrame) -> pd.DataFrame:
    """One row a patient with a size at baseline and after: what the scans say of growth and shrinkage.

    Columns: subject_id; scans (after baseline); baseline_mm; model (gx, dx, gd, gdphi, missing where none fits); the
    rates growth_per_day and shrinkage_per_day with standard errors, of the sum of diameters; shrinking_part (gdphi);
    doubling_days (ln 2 / growth: of the sum; a volume doubles in a third of it); nadir_day by the model; error
    (standard deviation of the residuals, as a part of baseline); early_change_percent (at the scan nearest to week 8).
    sizes: as `tumour_sizes` gives them: subject_id, day, sum_mm.
    Raises: AnalysisError for missing columns, two sizes of a patient on one day, or sizes below nought.
    """
    lacking = [one for one in ("subject_id", "day", "sum_mm") if one not in sizes]
    if lacking:
        raise AnalysisError(f"the sizes have no column {lacking[0]!r}; growth needs subject_id, day and sum_mm.")
    rows = sizes.dropna(subset=["day", "sum_mm"]).sort_values(["subject_id", "day"], kind="stable")
    doubled = rows[rows.duplicated(["subject_id", "day"])]
    if len(doubled):
        row = doubled.iloc[0]
        raise AnalysisError(f"subject {row['subject_id']} has two sizes on day {row['day']:g}; keep one, or add them.")
    if (rows["sum_mm"] < 0).any():
        row = rows[rows["sum_mm"] < 0].iloc[0]
        raise AnalysisError(f"subject {row['subject_id']} has a size below nought on day {row['day']:g}.")
    first = rows.drop_duplicates("subject_id").set_index("subject_id")
    first = first[first["sum_mm"] > 0]
    later = rows[rows.duplicated("subject_id") & rows["subject_id"].isin(first.index)]
    first = first[first.index.isin(later["subject_id"])]
    number = later.groupby("subject_id").cumcount().to_numpy(dtype=np.int64)
    place = pd.Series(np.arange(len(first)), index=first.index)
    patient = place.reindex(later["subject_id"]).to_numpy(dtype=np.int64)
    shape = (len(first), int(number.max(initial=-1)) + 1)
    days, size = np.full(shape, np.nan), np.full(shape, np.nan)
    base, start = first["sum_mm"].to_numpy(dtype=float), first["day"].to_numpy(dtype=float)
    days[patient, number] = later["day"].to_numpy(dtype=float) - start[patient]
    size[patient, number] = later["sum_mm"].to_numpy(dtype=float) / base[patient]
    fits = fit_growth(days, size)
    with np.errstate(divide="ignore"):
        doubling = math.log(2) / fits.g
    return pd.DataFrame(
        {
            "subject_id": first.index.astype(str),
            "scans": fits.n,
            "baseline_mm": base,
            "model": pd.Series([MODELS[k] if k >= 0 else None for k in fits.model], dtype="string"),
            "growth_per_day": fits.g,
            "growth_se": fits.g_se,
            "shrinkage_per_day": fits.d,
            "shrinkage_se": fits.d_se,
            "shrinking_part": fits.phi,
            "doubling_days": doubling,
            "nadir_day": nadir_day(fits),
            "error": fits.error,
            "early_change_percent": _early(days, size),
        }
    )


def _early(days: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The change from baseline, in percent, at the scan nearest to eight weeks, NaN without one between 5 and 11."""
    near = np.abs(days - EARLY_TARGET_DAY)
    near = np.where((days >= EARLY_DAYS[0]) & (days <= EARLY_DAYS[1]), near, np.inf)
    if not near.shape[1]:
        return np.full(len(days), np.nan)
    at = near.argmin(axis=1)[:, None]
    found = np.isfinite(np.take_along_axis(near, at, axis=1)[:, 0])
    return np.where(found, 100 * (np.take_along_axis(size, at, axis=1)[:, 0] - 1), np.nan)


def growth_findings(asked: Asked) -> list[Finding]:
    """Median rates with quartiles, per group; the share with early shrinkage; in words how many series had no model."""
    lesions, responses = asked.table("lesions"), asked.table("responses")
    if not len(lesions) and not responses["sum_mm"].notna().any():
        return []
    try:
        table = growth_table(tumour_sizes(lesions, responses))
    except AnalysisError as problem:
        return [note("tumour", f"No growth rates: {problem}")]
    if not len(table):
        return [note("tumour", "No growth rates: no patient has the sum of all target lesions at baseline and after.")]
    found: list[Finding] = []
    for label, members in asked.groups.each():
        own = table[table["subject_id"].isin(members)]
        for column, name, unit in (
            ("growth_per_day", "growth_rate", "1/day"),
            ("shrinkage_per_day", "shrinkage_rate", "1/day"),
            ("doubling_days", "doubling_time", "days"),
        ):
            found += _median(own, column, f"tumour.{name}", label, unit)
        early = own["early_change_percent"].dropna()
        if len(early):
            found.append(_early_finding(early, label, own))
    without = int(table["model"].isna().sum())
    if without:
        few = int((table["model"].isna() & (table["scans"] < 2)).sum())
        words = (
            f"Growth rates: {without} of {len(table)} series support no model ({few} of them one scan after baseline"
        )
        found.append(note("tumour", f"{words}, the others no rate that differs from nought)."))
    return found


def _median(own: pd.DataFrame, column: str, name: str, label: str, unit: str) -> list[Finding]:
    values = own[column].dropna().to_numpy(dtype=float)
    if len(values) < FEWEST:
        return []
    lower, middle, upper = (float(v) for v in np.quantile(values, [0.25, 0.5, 0.75]))
    how = "of the sum of diameters; median and quartiles of the patients whose scans support such a rate; least squares"
    return [
        Finding(
            name=name,
            group=label,
            estimate=middle,
            lower=lower,
            upper=upper,
            level=0.5,
            n=len(values),
            unit=unit,
            method=f"{how}, the model of g and d with the lowest AIC",
            reference=SOURCE,
            table=own,
        )
    ]


def _early_finding(early: Any, label: str, own: pd.DataFrame) -> Finding:
    hits = int((early <= EARLY_SHRINKAGE + 1e-9).sum())
    value, lower, upper = proportion(hits, len(early))
    return Finding(
        name="tumour.early_shrinkage_rate",
        group=label,
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        n=len(early),
        events=hits,
        unit="proportion",
        method="sum 20 % or more below baseline at the scan nearest to week 8 (weeks 5 to 11), of those scanned then; "
        "exact binomial interval (Clopper–Pearson)",
        reference=EARLY_SOURCE,
        table=own,
    )
