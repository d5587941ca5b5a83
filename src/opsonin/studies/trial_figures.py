"""Figures of the first combination trial, from replicate virtual trials: one number a trial, then their middle 95 %."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.studies.published import Simulated

DAY_15, BASELINE = 14.0, -21.0


class TrialFigures:
    """The tables of replicate trials, and what each trial would have reported.

    replicates: with `table(name)` and `trials`.   levels: number of dose levels.
    """

    def __init__(self, replicates: Any, levels: int):
        self.replicates, self.levels = replicates, levels
        self.subjects = replicates.table("subjects")
        self.trials = np.asarray(replicates.trials)

    def all(self) -> dict[str, Simulated]:
        """Claim id → figure."""
        found = {
            "mtd": self.declared(),
            "enrolled": self.over_trials(self.subjects.groupby("trial").size(), "patients"),
            "adverse-events-level-2": self.any_event(level=2),
            "imatinib-exposure": self.exposure(),
            "stable-disease-duration": self.stable_duration(),
            "survival-phase-1": self.survival("OS"),
            "pfs-phase-1": self.survival("PFS"),
            "lymphocytes": self.fold("B", "CD4+", "CD8+"),
            "lymphocytes-dose": self.dose_trend("B", "CD4+", "CD8+"),
            "treg-fold": self.fold("Treg of CD4+"),
            "bright-nk": self.fold("CD56bright NK"),
            "hladr-nk": self.fold("HLA-DR+ NK"),
            "trail-nk": self.fold("TRAIL+ NK"),
            "hladr-nk-outcome": self.association("HLA-DR+ NK", change=False),
            "cd4-cd8-outcome": self.association("CD4:CD8", change=True, endpoints=("OS",)),
        }
        best = self.best()
        for name, codes in (("objective-responses", ("CR", "PR")), ("stable-disease", ("SD",))):
            share = best["overall"].isin(codes).groupby(best["trial"]).sum() / self.subjects.groupby("trial").size()
            found[name] = self.over_trials(17 * share.reindex(self.trials).fillna(0), "of 17 patients")
        return found

    def over_trials(self, values: Any, text: str = "") -> Simulated:
        """Median and middle 95 % of one number a trial."""
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        low, high = np.quantile(known, [0.025, 0.975])
        return Simulated(float(np.median(known)), float(low), float(high), text)

    def declared(self) -> Simulated:
        """The level declared most often, and how often each is."""
        last = self.replicates.table("decisions").groupby("trial").tail(1)
        level = last["level_to"].where(last["decision"].astype(str) == "declare").astype("Float64").fillna(0)
        share = np.array([(level == k).mean() for k in range(self.levels + 1)])
        spread = ", ".join(f"{k} in {100 * share[k]:.0f} %" for k in range(1, self.levels + 1))
        return Simulated(
            float(share[1:].argmax() + 1), text=f"dose levels declared: {spread}, none in {100 * share[0]:.0f} %"
        )

    def any_event(self, level: int) -> Simulated:
        """Share of the patients of a level with a related event, over all trials, of those who got interleukin-2."""
        given = self.replicates.table("exposures")
        given = given.loc[given["agent"].astype(str) == "interleukin-2", ["trial", "subject_id"]].drop_duplicates()
        here = self.subjects.loc[self.subjects["level"] == level, ["trial", "subject_id"]].merge(given)
        events = self.replicates.table("adverse_events")
        related = events.loc[events["related"].astype(str) == "yes", ["trial", "subject_id"]].drop_duplicates()
        return Simulated(len(here.merge(related)) / len(here), text="share of patients who got interleukin-2")

    def exposure(self) -> Simulated:
        """The least of the four geometric mean ratios (AUC and Cmax of two analytes), day 14 over day 9."""
        ratios = {
            f"{what} of {analyte}": self._ratio(analyte, what)
            for analyte in ("imatinib", "CGP74588")
            for what in ("AUC", "Cmax")
        }
        middle = {name: float(np.median(values)) for name, values in ratios.items()}
        least = min(middle, key=lambda name: middle[name])
        text = f"{least}, the least of " + ", ".join(f"{name} {value:.2f}" for name, value in middle.items())
        return self.over_trials(ratios[least], text)

    def _ratio(self, analyte: str, what: str) -> np.ndarray:
        rows = self.replicates.table("concentrations")
        rows = rows[rows["analyte"].astype(str) == analyte]
        value = pd.to_numeric(rows["value"]).fillna(0.0)
        levels = rows.assign(value=value, period=rows["period"].astype(str)).pivot_table(
            index=["trial", "subject_id", "period"], columns="hours_after_dose", values="value", observed=True
        )
        levels = levels.dropna()
        hours = levels.columns.to_numpy(dtype=float)
        figure = (
            levels.max(axis=1)
            if what == "Cmax"
            else pd.Series(np.trapezoid(levels.to_numpy(), hours, axis=1), levels.index)
        )
        periods: Any = figure.map(np.log).unstack("period")
        return np.exp((periods["day 14"] - periods["day 9"]).groupby("trial").mean()).to_numpy()

    def _at(self, marker: str, day: float) -> pd.Series:
        rows = self.replicates.table("measurements")
        rows = rows[(rows["marker"].astype(str) == marker) & (rows["day"] == day)]
        return pd.to_numeric(rows.set_index(["trial", "subject_id"])["value"])

    def fold(self, *markers: str) -> Simulated:
        """Geometric mean ratio of day 15 to baseline a trial (the largest of several markers), and medians by level."""
        level = self.subjects.set_index(["trial", "subject_id"])["level"]
        logs = {
            m: (self._at(m, DAY_15) / self._at(m, BASELINE)).map(np.log).replace([np.inf, -np.inf], np.nan).dropna()
            for m in markers
        }
        means = {m: values.groupby("trial").mean().map(np.exp) for m, values in logs.items()}
        chosen = max(means, key=lambda m: float(np.median(means[m])))
        words = []
        for marker, values in logs.items():
            medians = np.exp(values.groupby(level.reindex(values.index)).median().reindex(range(1, self.levels + 1)))
            words.append(f"{marker} {', '.join(f'{median:.2f}' for median in medians)}")
        return self.over_trials(means[chosen], f"medians by dose level: {'; '.join(words)}")

    def dose_trend(self, *markers: str) -> Simulated:
        """Change of a count's log2 ratio to baseline per doubling of the dose, the least steep of several markers."""
        found = {}
        for marker in markers:
            ratio = (self._at(marker, DAY_15) / self._at(marker, BASELINE)).map(np.log2).rename("y").reset_index()
            rows = self.subjects[["trial", "subject_id", "level"]].merge(ratio)
            rows = rows[np.isfinite(rows["y"])].assign(
                x=rows["level"].astype(float).map(np.log2)
            )  # doses are 3 MIU × level
            centred = rows[["x", "y"]] - rows.groupby("trial")[["x", "y"]].transform("mean")
            products = pd.DataFrame(
                {"trial": rows["trial"], "xy": centred["x"] * centred["y"], "xx": centred["x"] ** 2}
            )
            sums = products.groupby("trial").sum()
            found[marker] = (sums["xy"] / sums["xx"].where(sums["xx"] > 0)).to_numpy()
        middle = {marker: float(np.nanmedian(values)) for marker, values in found.items()}
        flattest = max(middle, key=lambda marker: middle[marker])
        return self.over_trials(found[flattest], ", ".join(f"{m} {value:.2f}" for m, value in middle.items()))

    def best(self) -> pd.DataFrame:
        """Best overall responses: trial, subject_id, overall."""
        rows = self.replicates.table("responses")
        best = rows.loc[rows["best"].astype(bool), ["trial", "subject_id", "overall"]]
        return best.assign(overall=best["overall"].astype(str))

    def stable_duration(self) -> Simulated:
        """Median PFS of those with stable disease a trial, in weeks."""
        from opsonin.analysis import kaplan_meier

        stable = self.best().query("overall == 'SD'")
        rows = self._endpoint("PFS").merge(stable[["trial", "subject_id"]])
        medians = [kaplan_meier(part["day"], part["event"]).median.estimate for _, part in rows.groupby("trial")]
        return self.over_trials(np.array(medians) / 7, "weeks from day 1")

    def survival(self, endpoint: str) -> Simulated:
        """Median of an endpoint a trial, in weeks."""
        from opsonin.analysis import kaplan_meier

        rows = self._endpoint(endpoint)
        medians = [kaplan_meier(part["day"], part["event"]).median.estimate for _, part in rows.groupby("trial")]
        return self.over_trials(np.array(medians) / 7, "weeks")

    def _endpoint(self, endpoint: str) -> pd.DataFrame:
        rows = self.replicates.table("survival")
        rows = rows.loc[rows["endpoint"].astype(str) == endpoint, ["trial", "subject_id", "day", "event"]]
        return rows.assign(day=rows["day"].clip(lower=0.0), event=rows["event"].astype(bool))

    def association(self, marker: str, change: bool, endpoints: tuple[str, ...] = ("PFS", "OS")) -> Simulated:
        """Hazard ratio per standard deviation within dose level, landmarked at day 15: the weakest of the endpoints."""
        from opsonin.analysis import cox_single_covariate_many

        value = self._at(marker, DAY_15).map(np.log2)
        if change:
            value = value - self._at(marker, 0.0).map(np.log2)
        rows = self.subjects[["trial", "subject_id", "level"]].merge(value.rename("x").reset_index())
        rows = rows[np.isfinite(rows["x"])]
        rows = rows.assign(x=rows["x"] / rows["x"].std())
        found = {}
        for endpoint in endpoints:
            joined = rows.merge(self._endpoint(endpoint))
            joined = joined[joined["day"] > DAY_15]
            place = joined.groupby("trial").cumcount().to_numpy()
            trial = np.searchsorted(self.trials, joined["trial"].to_numpy())
            grids = []
            for column in ("day", "event", "x", "level"):
                grid = np.full((len(self.trials), place.max() + 1), np.nan)
                grid[trial, place] = joined[column].to_numpy(dtype=float)
                grids.append(grid)
            day, event, x, level = grids
            fit = cox_single_covariate_many(day, event == 1, x, strata=np.nan_to_num(level).astype(np.int64))
            found[endpoint] = np.exp(fit.coefficient)
        middle = {endpoint: float(np.nanmedian(values)) for endpoint, values in found.items()}
        weakest = max(middle, key=lambda endpoint: middle[endpoint])
        each = ", ".join(f"{endpoint} {value:.2f}" for endpoint, value in middle.items())
        return self.over_trials(found[weakest], f"hazard ratio per standard deviation, within dose level: {each}")
