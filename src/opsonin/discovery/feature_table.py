"""Features of patients in one long table, and their way into the record as measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.sample_days import days
from opsonin.errors import DiscoveryError

KINDS = ("composition", "state", "heterogeneity", "plasticity", "clones")
COLUMNS = ("subject", "sample", "time", "feature", "value", "unit", "kind", "source")
_UNIT_OF_NONE = "dimensionless"  # what the record calls a number without unit


@dataclass(frozen=True)
class FeatureTable:
    """One row per sample and feature.

    frame: subject, sample, time, feature, value, unit, kind (one of KINDS), source (how it was made, in words).
    samples: the samples' table, which gives a sample's day and tissue; without it every sample counts as of day 0.
    """

    frame: pd.DataFrame
    samples: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Raises: DiscoveryError for a missing column, an unknown kind, or a feature given twice for a sample."""
        lacking = [name for name in COLUMNS if name not in self.frame.columns]
        if lacking:
            raise DiscoveryError(f"a table of features has no column {lacking[0]!r}; its columns are {COLUMNS}.")
        unknown = sorted(set(self.frame["kind"].dropna()) - set(KINDS))
        if unknown:
            raise DiscoveryError(f"{unknown[0]!r} is no kind of feature; there are {', '.join(KINDS)}.")
        twice = self.frame.duplicated(["subject", "sample", "feature"])
        if twice.any():
            row = self.frame[twice].iloc[0]
            raise DiscoveryError(f"the feature {row['feature']!r} is given twice for the sample {row['sample']!r}.")

    @classmethod
    def joined(cls, tables: Iterable[FeatureTable]) -> FeatureTable:
        """Several tables as one.

        Raises: DiscoveryError where two of them give the same feature of a sample.
        """
        given = list(tables)
        if not given:
            return cls(pd.DataFrame(columns=pd.Index(COLUMNS)))
        frame = pd.concat([table.frame[list(COLUMNS)] for table in given if len(table.frame)] or [given[0].frame])
        samples = [table.samples for table in given if table.samples is not None]
        return cls(frame.reset_index(drop=True), samples[0] if samples else None)

    def wide(self, kind: str | None = None) -> pd.DataFrame:
        """Samples by features, NaN where a sample lacks one."""
        own = self.frame if kind is None else self.frame[self.frame["kind"] == kind]
        return own.pivot(index="sample", columns="feature", values="value").rename_axis(columns=None)

    def per_subject(self) -> pd.DataFrame:
        """Subjects by features, the mean over a subject's samples: the patient is the unit."""
        return self.frame.pivot_table(index="subject", columns="feature", values="value", aggfunc="mean", sort=True)

    def as_measurements(self) -> pd.DataFrame:
        """The record's `measurements`: one row per subject, feature, tissue and day; the mean of several samples.

        Days up to 0 are baseline. Samples of an unknown day are left out, as the mean of two time points is a value of
        neither; where no day is known and nothing tells of several times, all count as of day 0 (`sample_days`).
        """
        own = self.frame[["subject", "feature", "value", "unit", "source"]].copy()
        own["day"] = self._days()
        own["compartment"] = self._looked_up("tissue", "not stated").astype(object).fillna("not stated").astype(str)
        own = own[own["day"].notna()]
        own["unit"] = own["unit"].fillna("").replace("", _UNIT_OF_NONE)
        own = own[own["value"].notna() & np.isfinite(own["value"].astype(float))]
        keys = ["subject", "feature", "compartment", "day"]
        grouped = own.groupby(keys, sort=True, observed=True)
        found = grouped.agg(value=("value", "mean"), unit=("unit", "first"), method=("source", "first"),
                            made_of=("value", "size")).reset_index()  # fmt: skip
        several = found["made_of"] > 1
        words = found["method"].astype(str) + "; mean of " + found["made_of"].astype(str) + " samples"
        found["method"] = found["method"].astype(str).where(~several, words)
        found = found.rename(columns={"subject": "subject_id", "feature": "marker"})
        found["below_limit"] = False
        found["baseline"] = found["day"] <= 0
        found["subject_id"] = found["subject_id"].astype(str)
        return found[["subject_id", "marker", "compartment", "day", "value", "unit", "method", "below_limit",
                      "baseline"]]  # fmt: skip

    def _days(self) -> pd.Series:
        if self.samples is None:
            return pd.Series(0.0, self.frame.index)
        known = pd.Series(days(self.samples).to_numpy(), self.samples["sample"].astype(str))
        return self.frame["sample"].astype(str).map(known[~known.index.duplicated()].to_dict()).astype(float)

    def _looked_up(self, column: str, otherwise: object) -> pd.Series:
        if self.samples is None or column not in self.samples.columns:
            return pd.Series(otherwise, index=self.frame.index)
        known = self.samples.drop_duplicates("sample").set_index("sample")[column]
        return self.frame["sample"].map(known.to_dict())
