"""What all patients of a study's replicate trials show together: outcomes by arm, hazard ratios, markers.

    opsonin run p21-monocytes --seed 1 --trials 20 --out results/p21
    python -m opsonin.studies.all_trials results/p21 --against "100 M cells"
    python -m opsonin.studies.all_trials results/p21-mouse --marker "leukaemia cells" --day 22

One trial tells what a trial would see; all of them tell what is there to be seen. Patients who were drawn from the pool
in several trials count as often, so that intervals are a little too narrow where trials outgrow the pool.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from opsonin.errors import AnalysisError, RecordError
from opsonin.record import Replicates, TrialRecord
from opsonin.studies.programs import told_in_a_line
from opsonin.studies.published import Simulated
from opsonin.units import DAYS_PER_MONTH

KEYS = ["trial", "subject_id"]
MONTHS = (12, 24)
SHORT = 180  # days of follow-up below which medians are told in days: experiments with mice
SEVERE = 3  # grade
EVERYBODY = "all"


class AllTrials:
    """The patients of every trial in one table.   arms: in the order of the tables."""

    def __init__(self, replicates: Replicates):
        """Raises: RecordError where no patient is recorded."""
        people = replicates.table("subjects")[[*KEYS, "arm", "indication"]].copy()
        if not len(people):
            raise RecordError("these replicates hold no subjects.")
        for column in ("arm", "indication"):
            people[column] = people[column].astype(object).where(people[column].notna(), EVERYBODY).astype(str)
        self.replicates, self.people = replicates, people
        self.arms = sorted(people["arm"].unique())
        self.indications = sorted(people["indication"].unique())

    def groups(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Name and patients of every arm, and of each of its indications where there are several."""
        for arm in self.arms:
            own = self.people[self.people["arm"] == arm]
            yield arm, own
            if len(self.indications) > 1:
                for name in self.indications:
                    yield f"{arm}, {name}", own[own["indication"] == name]

    def survival(self, people: pd.DataFrame, endpoint: str) -> pd.DataFrame:
        """day, event and who, of these patients; no rows where the endpoint is not recorded."""
        rows = self.replicates.table("survival")
        rows = rows.loc[rows["endpoint"].astype(str) == endpoint, [*KEYS, "day", "event"]].merge(people, on=KEYS)
        return rows.assign(day=rows["day"].astype(float).clip(lower=0.0), event=rows["event"].astype(bool))

    def hazard_ratio(self, arm: str, reference: str, endpoint: str, indication: str | None = None) -> Simulated:
        """Of one arm against another, stratified by indication; NaN where the endpoint is not recorded, or where events
        are of no arm or of one alone."""
        from opsonin.analysis import cox

        people = self.people[self.people["arm"].isin([arm, reference])]
        if indication is not None:
            people = people[people["indication"] == indication]
        rows = self.survival(people, endpoint)
        if not len(rows):
            return Simulated(np.nan)
        strata = rows["indication"].to_numpy() if rows["indication"].nunique() > 1 else None
        treated = (rows["arm"] == arm).to_numpy(dtype=float)
        try:
            fit = cox(rows["day"].to_numpy(), rows["event"].to_numpy(), treated, names=["arm"], strata=strata)
        except AnalysisError:
            return Simulated(np.nan)
        row = fit.to_frame().iloc[0]
        return Simulated(float(row["hazard_ratio"]), float(row["lower"]), float(row["upper"]))

    def marker(self, name: str, day: int) -> pd.DataFrame:
        """Geometric mean of a marker on a protocol day, and its ratio to baseline, by arm.

        Raises: RecordError where it was not measured then.
        """
        rows = self.replicates.table("measurements")
        rows = rows[rows["marker"].astype(str) == name]
        now, before = (rows.loc[rows["day"] == when, [*KEYS, "value"]] for when in (day - 1, 0))
        if not len(now):
            raise RecordError(f"{name!r} was not measured on day {day}; measured: {self._measured()}.")
        both = now.merge(before, on=KEYS, suffixes=("", "_before"), how="left").merge(self.people, on=KEYS)
        logs = both[["value", "value_before"]].astype(float).apply(np.log).replace([np.inf, -np.inf], np.nan)
        by = both["arm"].rename("arm")
        change = (logs["value"] - logs["value_before"]).groupby(by).mean()
        mean = logs["value"].groupby(by).mean()
        table = pd.DataFrame({"patients": by.value_counts(), "mean": mean.map(np.exp), "ratio": change.map(np.exp)})
        return table.reindex(self.arms).rename_axis("arm").reset_index()

    def _measured(self) -> str:
        rows = self.replicates.table("measurements")
        if not len(rows):
            return "nothing"
        days = ", ".join(str(int(day) + 1) for day in sorted(rows["day"].unique()))
        return f"{', '.join(sorted(rows['marker'].astype(str).unique()))}, on days {days}"

    def outcomes(self) -> list[tuple[str, ...]]:
        """A row a group: name, patients, response, PFS, survival, severe events; a dash for what is not recorded."""
        from opsonin.analysis.durations import GOOD

        best = self.replicates.table("responses")
        best = best[best["best"].astype(bool)]
        answered = best.loc[best["overall"].astype(str).isin(GOOD), KEYS]
        events = self.replicates.table("adverse_events")
        severe = events.loc[events["grade"] >= SEVERE, KEYS].drop_duplicates()
        return [
            (
                name, f"{len(own):,}", _rate(own, answered) if len(best) else "–", *self._times(own, "PFS"),
                *self._times(own, "OS"), _rate(own, severe) if len(events) else "–",
            )
            for name, own in self.groups()
        ]  # fmt: skip

    @cached_property
    def _followed(self) -> float:
        """Until when anybody was followed, days."""
        return float(self.replicates.table("survival")["day"].max())

    def _times(self, people: pd.DataFrame, endpoint: str) -> Iterator[str]:
        """The median, and who is free of the event after so many months."""
        from opsonin.analysis import kaplan_meier

        rows = self.survival(people, endpoint)
        if not len(rows):
            yield from ["–"] * (1 + len(MONTHS))
            return
        curve = kaplan_meier(rows["day"].to_numpy(), rows["event"].to_numpy())
        middle, short = curve.median.estimate, self._followed < SHORT
        told = f"{middle:.0f} days" if short else f"{middle / DAYS_PER_MONTH:.1f} months"
        yield told if np.isfinite(middle) else "not reached"
        for months in MONTHS:
            at = curve.at(months * DAYS_PER_MONTH).iloc[0]
            if self._followed < months * DAYS_PER_MONTH or np.isnan(at["survival"]):
                yield "–"
                continue
            limits = "" if np.isnan(at["lower"]) else f" ({at['lower']:.0%}–{at['upper']:.0%})"
            yield f"{at['survival']:.0%}{limits}"


def _rate(people: pd.DataFrame, which: pd.DataFrame) -> str:
    from opsonin.analysis.statistics import proportion

    found = proportion(len(people.merge(which, on=KEYS)), len(people))
    return f"{found.value:.1%} ({found.lower:.1%}–{found.upper:.1%})"


def page(folder: str | Path, against: str | None = None, markers: Sequence[str] = (), days: Sequence[int] = ()) -> str:
    """The tables as Markdown.   against: the arm that others are compared with; the control of the study otherwise.

    Raises: RecordError for a folder without results, an arm that there is not, a marker that was not measured, or a
    marker without days or days without a marker.
    """
    if bool(markers) != bool(days):
        raise RecordError("give --marker and --day together, such as --marker 'CD8+ density' --day 22.")
    many = AllTrials(_replicates(Path(folder)))
    spans = [f"{what} {months} months" for what in ("PFS", "alive") for months in MONTHS]
    heads = ("arm", "patients", "response", "median PFS", *spans[:2], "median survival", *spans[2:])
    lines = _table((*heads, f"grade {SEVERE} or more"), many.outcomes())
    reference = against or many.replicates.manifest.questions.get("reference") or many.arms[0]
    if against and against not in many.arms:
        raise RecordError(f"there is no arm {against!r}; there are {', '.join(many.arms)}.")
    if len(many.arms) > 1:
        how = ", stratified by indication" if len(many.indications) > 1 else ""
        lines += ["", f"Hazard ratios against {reference}{how}:", "", *_ratios(many, reference)]
    for name in markers:
        for day in days:
            lines += ["", f"{name}, day {day}:", ""]
            rows = [
                (str(row.arm), f"{row.patients:,}", f"{row.mean:.3g}", f"{row.ratio:.3g}")
                for row in many.marker(name, day).itertuples()
            ]
            lines += _table(("arm", "patients", "geometric mean", "× baseline"), rows)
    return "\n".join(lines)


def _replicates(folder: Path) -> Replicates:
    """The replicates of a results folder, or its one trial where there are none."""
    if (folder / "replicates").is_dir():
        return Replicates.load(folder / "replicates")
    record = TrialRecord.load(folder / "record")
    return Replicates({name: frame.assign(trial=1) for name, frame in record.tables.items()}, record.manifest)


def _ratios(many: AllTrials, reference: str) -> list[str]:
    cuts: list[str | None] = [None, *(many.indications if len(many.indications) > 1 else [])]
    rows = []
    for arm in (one for one in many.arms if one != reference):
        for cut in cuts:
            told = [many.hazard_ratio(arm, reference, endpoint, cut) for endpoint in ("PFS", "OS")]
            words = (f"{x.value:.2f} ({x.lower:.2f}–{x.upper:.2f})" if np.isfinite(x.value) else "–" for x in told)
            rows.append((arm, cut or "all", *words))
    return _table(("arm", "indication", "progression or death", "death"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows)]


@told_in_a_line()
def main() -> None:
    """Print the tables, or what is wrong with the folder."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", help="a results folder of `opsonin run`, with --trials for many")
    options.add_argument("--against", help="the arm that the others are compared with; the control otherwise")
    options.add_argument("--marker", action="append", default=[], help="may be repeated")
    options.add_argument("--day", action="append", default=[], type=int, help="of the marker; may be repeated")
    given = options.parse_args()
    sys.stdout.write(page(given.folder, given.against, given.marker, given.day) + "\n")


if __name__ == "__main__":
    main()
