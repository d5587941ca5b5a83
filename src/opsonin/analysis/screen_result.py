"""What a screen gives back: one row a marker, ranked, with p-values adjusted for how many were looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding, Findings

ESTIMATES = {"hazard ratio": "hazard_ratio", "odds ratio": "odds_ratio", "difference": "slope"}
REFERENCES = {
    "hazard ratio": "Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x; Heinze & Schemper 2001, "
    "doi:10.1111/j.0006-341X.2001.00114.x",
    "odds ratio": "McCullagh & Nelder 1989; Heinze & Schemper 2002, doi:10.1002/sim.1047",
    "difference": "ordinary least squares",
}


@dataclass(frozen=True)
class Screen:
    """One row a marker in `table`, in the order given.

    Columns: marker, n, events (of those with the marker), coefficient, se, estimate (a hazard ratio, odds ratio, or
    difference per unit), lower, upper, p_wald, p_score, p_likelihood_ratio, p_permutation, p (that of `test`), p_family
    (adjusted by the permutations' largest statistic, where there are any), p_adjusted, separated, penalised, remark.
    test: which p counts.   permutations: 0 where there are none.   unit: what the estimate is.
    """

    table: pd.DataFrame
    unit: str
    test: str
    correction: str
    permutations: int
    n: int
    events: int
    level: float
    method: str

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    @property
    def ranked(self) -> pd.DataFrame:
        """The table, the smallest p first; among equals the larger |coefficient| / se."""
        with np.errstate(invalid="ignore", divide="ignore"):
            strength = -(self.table["coefficient"] / self.table["se"]).abs()
        order = np.lexsort((strength.to_numpy(dtype=float), self.table["p"].fillna(2.0).to_numpy(dtype=float)))
        return self.table.iloc[order].reset_index(drop=True)

    def findings(self, endpoint: str, steps: dict[str, str] | None = None, most: int = 200) -> Findings:
        """A summary, then the strongest markers: `screen.<endpoint>.markers`, `screen.<endpoint>.<marker>.<estimate>`.

        steps: what one unit of each marker is, in words.   most: how many markers are listed.
        """
        known = self.table["p_adjusted"].notna()
        hits = int((self.table["p_adjusted"] <= 0.05).sum())
        unknown = int((~known).sum())
        said = f"{unknown} of {len(self.table)} could not be estimated." if unknown else ""
        if len(self.table) > most:
            said = f"{said} The {most} strongest are listed.".strip()
        found = [
            Finding(
                name=f"screen.{endpoint}.markers", estimate=float(hits), n=self.n, events=self.events,
                unit=f"of {int(known.sum())} markers",
                method=f"adjusted p ≤ 0.05 ({self.correction}); {self.method}", reference=REFERENCES[self.unit],
                note=said, table=self.table,
            )
        ]  # fmt: skip
        for row in self.ranked.head(most).to_dict("records"):
            found.append(self._finding(endpoint, row, (steps or {}).get(row["marker"], "")))
        return Findings(found)

    def _finding(self, endpoint: str, row: dict[Any, Any], step: str) -> Finding:
        adjusted = f"Adjusted p {row['p_adjusted']:.2g} ({self.correction})." if row["p_adjusted"] >= 0 else ""
        family = f" Against the strongest of all markers: p {row['p_family']:.2g}." if row["p_family"] >= 0 else ""
        remark = (
            f" It {row['remark']}." if row["separated"] else f" No estimate: {row['remark']}." * bool(row["remark"])
        )
        what = "Firth's penalty, profile interval" if row["penalised"] else "Wald interval"
        return Finding(
            name=f"screen.{endpoint}.{row['marker']}.{ESTIMATES[self.unit]}", estimate=row["estimate"],
            lower=row["lower"], upper=row["upper"], level=self.level, p=row["p"], n=int(row["n"]),
            events=int(row["events"]), unit=self.unit, reference=REFERENCES[self.unit],
            method="; ".join(part for part in (self.method, step, what) if part),
            note=f"{adjusted}{family}{remark}".strip(),
        )  # fmt: skip
