"""Features of samples between the two groups that a mapping compares: tables, findings and what to know of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from opsonin.discovery.answers import finding
from opsonin.discovery.common_depth import at_common_depth
from opsonin.discovery.comparing import compare
from opsonin.discovery.differences import Differences, Unit
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.sample_days import several_times
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

METHOD = "difference of means (95 % interval, Welch); p by permutation of patients"
WITHIN = "mean difference within the same patients (95 % interval, Student); p by sign flips"
REFERENCE = "Westfall & Young 1993; Benjamini & Hochberg 1995, J R Stat Soc B 57:289"


class Compared(NamedTuple):
    """tables: features (of every sample) and, where groups could be compared, states.   findings, notes: of these."""

    tables: dict[str, pd.DataFrame]
    findings: list[dict[str, Any]]
    notes: list[str]


def compare_features(features: FeatureTable, samples: Samples, settings: Discovery, seed: int) -> Compared:
    """One group of patients against another in every feature, or why there is no comparison.

    Raises: DiscoveryError for a column or group that is not there.
    """
    tables = {"features": with_group(_with_response(features, samples), samples, settings)}
    found, why = _compared(features, samples, settings, seed)
    if found is None:
        return Compared(tables, [], [why])
    tables["states"] = _compared_table(found, features)
    notes = [*found.told(), *([why] if why else [])]
    if settings.compare is None and (late := several_times(samples.samples)):
        notes.append(f"{late}, and all are compared together; [discovery] baseline = true takes those of before "
                     "treatment alone")  # fmt: skip
    return Compared(tables, _findings(found, features), notes)


def _compared(
    features: FeatureTable, samples: Samples, settings: Discovery, seed: int
) -> tuple[Differences | None, str]:
    """One group of patients against another, and at how many cells of each sample; or why not."""
    response, first, second, by = groups_of(samples, settings)
    if response is None:
        return None, ("no response is known, so that nothing is compared; map response with its words in "
                      "[response], or give [discovery] compare.")  # fmt: skip
    strata = None
    if settings.strata is not None:
        if settings.strata not in samples.subjects.columns:
            raise DiscoveryError(f"[discovery] strata: the subjects have no column {settings.strata!r}"
                                 f"{near(settings.strata, samples.subjects.columns)}; they have "
                                 f"{', '.join(map(str, samples.subjects.columns))}. Map it in [subjects].")  # fmt: skip
        strata = samples.subjects.set_index("subject")[settings.strata].astype(str)
    shares = (features.frame["kind"] == "composition") & (features.frame["unit"] == "percent")
    ratios = FeatureTable(features.frame[~shares].reset_index(drop=True), features.samples)
    depth = ""
    if settings.depth == "common":
        those = response[response.isin([first, second])]
        ratios, depth = at_common_depth(ratios, samples, those, by, settings.against, settings.fewest)
    try:
        return compare(ratios, response, first=first, second=second, unit=settings.unit, test=settings.test,
                       by=by, strata=strata, seed=seed), depth  # fmt: skip
    except DiscoveryError as problem:
        return None, f"{first} and {second} are not compared: {problem}"


def groups_of(samples: Samples, settings: Discovery) -> tuple[pd.Series | None, str, str, Unit]:
    """Who is of which group, by subject or by sample, the two groups, and by which of the two it is.

    Raises: DiscoveryError for a column that is not there, or groups that do not stand in it.
    """
    column = settings.compare or "response"
    tables = {"sample": samples.samples, "subject": samples.subjects}
    order: tuple[Unit, ...] = ("sample", "subject") if settings.unit == "sample" or settings.compare else ("subject",)
    key: Unit | None = next(
        (one for one in order if column in tables[one].columns and tables[one][column].notna().any()), None
    )
    if key is None:
        if settings.compare is None:
            return None, "responder", "non-responder", "subject"
        there = [*samples.samples.columns, *samples.subjects.columns]
        raise DiscoveryError(
            f"[discovery] compare: neither samples nor subjects have a column {column!r}{near(column, there)}; they "
            f"have {', '.join(dict.fromkeys(map(str, there)))}."
        )
    found = tables[key].dropna(subset=[column]).set_index(key)[column].astype(str)
    if settings.compare is None:
        return found, "responder", "non-responder", key
    kinds = sorted(set(found))
    first, second = settings.groups or (kinds if len(kinds) == 2 else ("", ""))
    for one in (first, second):
        if one not in set(found):
            raise DiscoveryError(
                f"[discovery] groups: {one!r} does not stand in {column}; it holds {', '.join(kinds[:8])}; "
                'write groups = ["first", "second"].'
            )
    return found, first, second, key


def _compared_table(found: Differences, features: FeatureTable) -> pd.DataFrame:
    about = features.frame.drop_duplicates("feature").set_index("feature")[["kind", "unit"]]
    return found.frame.merge(about, left_on="feature", right_index=True, how="left").sort_values("p", kind="stable")


def _findings(found: Differences, features: FeatureTable) -> list[dict[str, Any]]:
    units = features.frame.drop_duplicates("feature").set_index("feature")["unit"].to_dict()
    contrast = f"{found.first} against {found.second}"
    honest = "" if found.unit == "subject" else "samples were taken as the unit, though several are of one patient; "
    method = METHOD if found.unit == "subject" else METHOD.replace("patients", "samples")
    rows = []
    for row in found.frame.sort_values("p", kind="stable").to_dict("records"):
        said = (
            f"{honest}false discovery rate {row['p_bh']:.2g}; chance that the strongest of all features is as strong "
        )
        rows.append(finding(
            f"states.{row['feature']}.difference", contrast, row["difference"], lower=row["lower"], upper=row["upper"],
            level=0.95, p=row["p"], unit=units.get(row["feature"], ""),
            n=int(row["n_first"] + (0 if found.paired else row["n_second"])),
            method=WITHIN if found.paired else method, reference=REFERENCE,
            note=f"{said}{row['p_max']:.2g}",
        ))  # fmt: skip
    kept = int((found.frame["p_bh"] <= 0.05).sum())
    rows.insert(0, finding("states.features", contrast, float(kept), n=_units(found), unit="features",
                           method=f"of {len(found.frame)}, at a false discovery rate of 5 %", reference=REFERENCE,
                           note=" ".join(found.told()[:1])))  # fmt: skip
    return rows


def _units(found: Differences) -> int:
    sizes = found.frame[["n_first"] if found.paired else ["n_first", "n_second"]].max()
    return int(sizes.sum()) if len(found.frame) else 0


def with_group(table: pd.DataFrame, samples: Samples, settings: Discovery) -> pd.DataFrame:
    """The table with a column `group`, where another column than the response is compared."""
    if settings.compare is None:
        return table
    found, _, _, by = groups_of(samples, settings)
    assert found is not None
    return table.assign(group=table[by].astype(str).map(found.to_dict()))


def _with_response(features: FeatureTable, samples: Samples) -> pd.DataFrame:
    made = features.frame.copy()
    if "response" in samples.subjects.columns:
        known = samples.subjects.assign(subject=samples.subjects["subject"].astype(str)).set_index("subject")
        made["response"] = made["subject"].astype(str).map(known["response"].to_dict())
    return made
