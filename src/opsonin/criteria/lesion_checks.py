"""What is wrong with a lesions table, said before it is judged: units, baselines, doubles, sizes that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import CriteriaError

NEEDED = ("subject_id", "lesion_id", "day", "kind", "diameter_mm", "state")
SMALLEST_MM = 10.0  # a lesion must be this long to be measured as a target: Eisenhauer 2009, section 3.1.1
LARGEST_MM = 1000.0  # longer than a trunk: no lesion, but a sum, an area or another unit
TENFOLD = 8.0  # a step of nearly ten between two scans looks like two units


def check_lesions(lesions: pd.DataFrame) -> None:
    """Refuse a table that cannot be judged.

    Raises: CriteriaError, naming subject, lesion and day, for a missing column or day, a lesion with two rows on a day,
    a negative or impossible diameter, and diameters that look like centimetres.
    """
    missing = [name for name in NEEDED if name not in lesions]
    if missing:
        raise CriteriaError(
            f"the lesions table has no column {', '.join(missing)}; responses need {', '.join(NEEDED)}."
        )
    undated = lesions["day"].isna()
    if undated.any():
        raise CriteriaError(f"{_which(lesions[undated].iloc[0])} has no day; every measurement needs its scan's day.")
    doubled = lesions.duplicated(["subject_id", "lesion_id", "day"])
    if doubled.any():
        row = lesions[doubled].iloc[0]
        raise CriteriaError(f"{_which(row)} has two rows on day {row['day']}; keep one.")
    size = lesions["diameter_mm"].to_numpy(dtype=float, na_value=np.nan)
    if np.any(size < 0):
        raise CriteriaError(f"{_which(lesions[size < 0].iloc[0])} has a negative diameter; give millimetres.")
    if np.any(size > LARGEST_MM):
        row = lesions[size > LARGEST_MM].iloc[0]
        raise CriteriaError(
            f"{_which(row)} measures {row['diameter_mm']:g} mm on day {row['day']:g}, more than any lesion can: give "
            "millimetres, and one lesion a row instead of a sum or an area."
        )
    first = _first_measured(lesions)
    if len(first) and (first["diameter_mm"] < SMALLEST_MM).all():
        largest = first["diameter_mm"].max()
        raise CriteriaError(
            f"no target lesion reaches {SMALLEST_MM:g} mm when first measured (the largest is {largest:g}), which a "
            "target must (Eisenhauer 2009, section 3.1.1): these look like centimetres. Multiply by 10, or say so in "
            'the mapping: units.diameter_mm = "cm".'
        )


def without_baseline(lesion: Any, first_day: float, baseline_day: float) -> CriteriaError:
    """The refusal of a target lesion that is not measured at baseline.   lesion: (subject, lesion)."""
    subject, name = lesion
    return CriteriaError(
        f"lesion {name} of subject {subject} is a target lesion without a diameter at baseline (day {baseline_day:g}); "
        f"it is first mentioned on day {first_day:g}. Target lesions are chosen and measured at baseline: give its "
        'baseline, or call it "new" or "non-target".'
    )


def suspicious_sizes(lesions: pd.DataFrame) -> pd.DataFrame:
    """Diameters to look at again: subject_id, lesion_id, day, diameter_mm, why. They are judged as they stand.

    Named are target lesions below 10 mm when first measured, and steps of nearly ten between two scans of one lesion.
    """
    first = _first_measured(lesions)
    small = first[first["diameter_mm"] < SMALLEST_MM]
    small = small.assign(why=f"a target lesion below {SMALLEST_MM:g} mm when first measured")
    seen = lesions[(lesions["diameter_mm"] > 0).fillna(False)].sort_values(["subject_id", "lesion_id", "day"])
    before = seen.groupby(["subject_id", "lesion_id"])["diameter_mm"].shift()
    ratio = (seen["diameter_mm"] / before).to_numpy(dtype=float, na_value=np.nan)
    # what shrinks to the size of a lesion too small to measure is no step of units
    step = (ratio >= TENFOLD) | ((ratio <= 1 / TENFOLD) & (seen["diameter_mm"].to_numpy(dtype=float) < 5))
    jumps = seen[step].assign(
        why=[f"{b:g} mm on the scan before: two units in one series?" for b in before[step].to_numpy(dtype=float)]
    )
    columns = ["subject_id", "lesion_id", "day", "diameter_mm", "why"]
    found = [part[columns] for part in (small, jumps) if len(part)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=pd.Index(columns))


def _first_measured(lesions: pd.DataFrame) -> pd.DataFrame:
    rows = lesions[(lesions["kind"] == "target") & (lesions["diameter_mm"] > 0).fillna(False)]
    rows = rows[rows["state"] == "measured"].sort_values("day", kind="stable")
    return rows.drop_duplicates(["subject_id", "lesion_id"])


def _which(row: Any) -> str:
    return f"lesion {row['lesion_id']} of subject {row['subject_id']}"
