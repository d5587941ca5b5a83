"""The question `states`: which kinds and states of cells are in whose samples, and which of them go with response.

[discovery]
unit = "subject"       # "sample" only to reproduce a publication that took samples for patients
baseline = true        # samples taken before treatment alone
against = "centred"    # what log-ratios of a composition are to
integrate = "none"     # "harmony" or "combat" take differences between samples away before clustering, and only there
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.all_features import patient_features
from opsonin.discovery.annotation import Annotation, annotate, with_annotation
from opsonin.discovery.answers import Answer, finding
from opsonin.discovery.common_depth import at_common_depth
from opsonin.discovery.comparing import compare
from opsonin.discovery.differences import Differences, Unit
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.label_agreement import agreement
from opsonin.discovery.prepare import Prepared, prepare
from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.proteins import default_gates, gate, positive_probability
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.sample_days import before_treatment, said_of_days, several_times
from opsonin.discovery.samples import Samples, composition
from opsonin.discovery.sorted_cells import refuse_bulk, refuse_sorted, why_no_composition
from opsonin.discovery.state_table import default_states
from opsonin.discovery.state_tables import composition_table, dot_table, map_table
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

UNLIKE = 0.05  # p from which the groups' numbers of cells are said to differ
METHOD = "difference of means (95 % interval, Welch); p by permutation of patients"
WITHIN = "mean difference within the same patients (95 % interval, Student); p by sign flips"
REFERENCE = "Westfall & Young 1993; Benjamini & Hochberg 1995, J R Stat Soc B 57:289"


@dataclass(frozen=True)
class StatesAnswer:
    """answer: tables, findings, notes, features.   samples: the cells that hold, labelled.   methods: in sentences."""

    answer: Answer
    samples: Samples
    methods: list[str]


def answer_states(
    samples: Samples, asked: Discovery | None = None, *, seed: int = 1, progress: Progress = silent
) -> StatesAnswer:
    """Prepare, annotate, measure every sample, and compare responders with non-responders where responses are known.

    Raises: DiscoveryError where nothing is labelled and nothing can be annotated, or no sample is left.
    """
    settings = asked or Discovery()
    refuse_bulk(samples)
    own = before_treatment(samples) if settings.baseline else samples
    scored = own.expression is not None and settings.annotate
    if own.labelled and not scored and (why := why_no_composition(own, settings.fewest)):
        refuse_sorted(own, why)
    prepared = prepare(own, seed, progress, settings.doublets, settings.map, settings.integrate)
    annotation, own, notes = _annotated(prepared, settings, seed, progress)
    progress("features", 0, 0)
    components = prepared.cell_map.measured if prepared.cell_map is not None else None
    alone = why_no_composition(own, settings.fewest)
    features = patient_features(own, annotation, against=settings.against, components=components,
                                fewest=settings.fewest, seed=seed, composed=not alone)  # fmt: skip
    if alone and not len(features.frame):
        refuse_sorted(own, alone)
    notes += [f"{alone}; states within them are"] if alone else []
    notes += _unsaid(features, own, annotation, settings, not alone)
    tables = {"composition": _with_group(composition_table(own), own, settings),
              "features": _with_group(_with_response(features, own), own, settings)}  # fmt: skip
    if prepared.quality is not None:
        tables["quality"] = prepared.quality.thresholds
    if prepared.cell_map is not None:
        tables["umap"] = map_table(own, prepared.cell_map, seed)
    if own.expression is not None and own.labelled and own.modality in ("RNA", "bulk RNA"):
        tables["dots"] = dot_table(own, settings.dots)
    rows = [finding("states.cells", "all", float(own.n_cells), n=own.n_subjects, unit="cells",
                    note="after quality control")] if own.n_cells else []  # fmt: skip
    if annotation is not None and samples.labelled and samples.counts is None:
        table, told, words = _agreement(own)
        tables["agreement"] = table
        rows += told
        notes += words
    progress("comparing patients", 0, 0)
    found, why = _compared(features, own, settings, seed)
    if found is None:
        notes.append(why)
    else:
        tables["states"] = _compared_table(found, features)
        rows += _findings(found, features)
        notes += [*found.told(), *([why] if why else []), *([] if alone else _unlike_sizes(own, settings, seed))]
        if settings.compare is None and (late := several_times(own.samples)):
            notes.append(f"{late}, and all are compared together; [discovery] baseline = true takes those of before "
                         "treatment alone")  # fmt: skip
    methods = [*prepared.methods, *(annotation.told() if annotation is not None else [])]
    return StatesAnswer(Answer("states", tables, rows, {}, tuple(notes), features), own, methods)


def _annotated(
    prepared: Prepared, settings: Discovery, seed: int, progress: Progress
) -> tuple[Annotation | None, Samples, list[str]]:
    own = prepared.samples
    notes: list[str] = []
    if prepared.cell_map is not None:
        own = own.with_labels(prepared.cell_map.cluster.tolist(), "cluster")
    if own.modality == "protein" and own.units == "counts" and not own.labelled:
        gates, _ = default_gates()
        progress("gates of proteins", 0, 0)
        gated = gate(positive_probability(own), gates)
        told = f"labelled by gates of surface proteins ({', '.join(gates)}); {int(gated.isna().sum()):,} pass none"
        return None, own.with_labels([None if pd.isna(one) else one for one in gated]), [told]
    wanted = own.expression is not None and own.modality == "RNA" and (settings.annotate or not own.labelled)
    if not wanted:
        if not own.labelled:
            raise DiscoveryError("no cell has a label; map the column that holds it, or leave annotate = false out.")
        return None, own, notes
    progress("annotation", 0, 0)
    try:
        found = annotate(own, level="cluster" if prepared.cell_map is not None else "cell", seed=seed)
    except DiscoveryError as problem:
        if not own.labelled:
            raise
        return None, own, [f"not annotated by markers, the given labels alone are used: {problem}"]
    return found, with_annotation(own, found), notes


def _unsaid(
    features: FeatureTable, samples: Samples, annotation: Annotation | None, settings: Discovery, composed: bool
) -> list[str]:
    """Samples without a composition, states that no sample has, and days that are not known."""
    notes = []
    every = samples.samples["sample"].astype(str)
    known = set(features.frame[features.frame["kind"] == "composition"]["sample"].astype(str))
    few = [name for name in every if name not in known]
    if few and composed:
        who = ", ".join(few[:8]) + (" …" if len(few) > 8 else "")
        notes.append(f"{len(few)} of {len(every)} samples have fewer than {settings.fewest} labelled cells and no "
                     f"composition: {who}")  # fmt: skip
    if annotation is not None:
        found = set(features.frame["feature"])
        lacking = [one.name for one in default_states()[0] if not any(f"{one.name} score" in name for name in found)]
        if lacking:
            notes.append(f"states that no sample has, as too few of their genes were measured or too few cells are of "
                         f"their type: {', '.join(lacking)}")  # fmt: skip
    notes += [said] if (said := said_of_days(samples.samples)) else []
    return notes


def _agreement(samples: Samples) -> tuple[pd.DataFrame, list[dict[str, Any]], list[str]]:
    """Given labels against those by markers."""
    was_given = samples.cells["label_source"].astype(str) == "given"
    given = pd.Series([one if was else None for one, was in zip(samples.cells["label"], was_given, strict=True)])
    found = samples.cells["annotation"].astype(object)
    made = agreement(given, found)
    row = finding("states.annotation.adjusted_rand", "all", made.adjusted_rand, n=int(was_given.sum()), unit="index",
                  method="given labels against those by marker genes, cell by cell",
                  reference="Hubert & Arabie 1985, J Classif 2:193")  # fmt: skip
    return (
        made.types,
        [row] if made.known else [],
        [f"given labels against those by markers: {line}" for line in made.told()],
    )


def _compared(
    features: FeatureTable, samples: Samples, settings: Discovery, seed: int
) -> tuple[Differences | None, str]:
    """One group of patients against another, and at how many cells of each sample; or why not."""
    response, first, second, by = _groups(samples, settings)
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


def _unlike_sizes(samples: Samples, settings: Discovery, seed: int) -> list[str]:
    """Whether one group's samples hold more cells: then log-ratios differ by that alone, rare types' most of all."""
    if not samples.labelled or (samples.counts is not None and samples.counts_unit == "percent"):
        return []
    response, first, second, by = _groups(samples, settings)
    cells = composition(samples).sum(axis=1)
    cells = cells[cells >= settings.fewest].rename("value").rename_axis("sample").reset_index()
    of = samples.samples.assign(sample=samples.samples["sample"].astype(str)).set_index("sample")["subject"]
    cells["subject"] = cells["sample"].map(of.astype(str).to_dict())
    cells["value"] = np.log(cells["value"].astype(float))
    frame = cells.assign(feature="cells", time=None, unit="", kind="composition", source="")
    if response is None or cells["value"].nunique() < 2:
        return []
    found = compare(
        FeatureTable(frame), response, first=first, second=second, unit=settings.unit, by=by, seed=seed
    ).frame
    if not len(found) or found["p"].iloc[0] > UNLIKE:
        return []
    one, two = (float(np.exp(found[f"median_{side}"].iloc[0])) for side in ("first", "second"))
    return [f"samples differ in how many cells were labelled ({first} {one:,.0f}, {second} {two:,.0f}, medians; p "
            f"{found['p'].iloc[0]:.2g}), and log-ratios with few cells differ by that alone"
            + ("; they are compared at equally many cells, but the smaller samples vary more"
               if settings.depth == "common" else
               ': believe differences of types that are common in all samples, or take depth = "common"')]  # fmt: skip


def _groups(samples: Samples, settings: Discovery) -> tuple[pd.Series | None, str, str, Unit]:
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


def _with_group(table: pd.DataFrame, samples: Samples, settings: Discovery) -> pd.DataFrame:
    """The table with a column `group`, where another column than the response is compared."""
    if settings.compare is None:
        return table
    found, _, _, by = _groups(samples, settings)
    assert found is not None
    return table.assign(group=table[by].astype(str).map(found.to_dict()))


def _with_response(features: FeatureTable, samples: Samples) -> pd.DataFrame:
    made = features.frame.copy()
    if "response" in samples.subjects.columns:
        known = samples.subjects.assign(subject=samples.subjects["subject"].astype(str)).set_index("subject")
        made["response"] = made["subject"].astype(str).map(known["response"].to_dict())
    return made
