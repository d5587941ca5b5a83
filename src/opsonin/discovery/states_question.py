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
from opsonin.discovery.comparing import compare
from opsonin.discovery.feature_comparison import compare_features, groups_of, with_group
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.label_agreement import agreement
from opsonin.discovery.prepare import Prepared, prepare
from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.proteins import default_gates, gate, positive_probability
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.sample_days import before_treatment, said_of_days
from opsonin.discovery.samples import Samples, composition
from opsonin.discovery.sorted_cells import refuse_bulk, refuse_sorted, why_no_composition
from opsonin.discovery.state_table import default_states
from opsonin.discovery.state_tables import composition_table, dot_table, map_table
from opsonin.errors import DiscoveryError

UNLIKE = 0.05  # p from which the groups' numbers of cells are said to differ


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
    tables = {"composition": with_group(composition_table(own), own, settings)}
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
    told = compare_features(features, own, settings, seed)
    tables |= told.tables
    rows += told.findings
    notes += [*told.notes, *(_unlike_sizes(own, settings, seed) if "states" in told.tables and not alone else [])]
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


def _unlike_sizes(samples: Samples, settings: Discovery, seed: int) -> list[str]:
    """Whether one group's samples hold more cells: then log-ratios differ by that alone, rare types' most of all."""
    if not samples.labelled or (samples.counts is not None and samples.counts_unit == "percent"):
        return []
    response, first, second, by = groups_of(samples, settings)
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
