"""The question `plasticity`: persister programmes, clones and growth states, from a mapping's [discovery.plasticity].

[discovery.plasticity]
cohorts = "../icb-expression-cohorts"               # does a set's score before therapy go with response?
malignant = ["tumour cell"]                         # labels of the samples' own malignant cells, to be scored
[discovery.plasticity.sets]
file = "persister_gene_sets_long.csv.gz"            # set (or gs_name), gene
names = ["moghal-2023_DTP-up_common"]               # all of the file otherwise
[discovery.plasticity.genes]                        # do they agree with a published contrast?
file = "de_cancer_cells_by_treatment_state.csv.gz"
contrast = "EGFR TN vs PR"
higher_in = "PR"
universe = 20000
[discovery.plasticity.clones]
file = "barcode_counts.csv"
before = ["U1R1", "U2R1"]
after = ["T1R1", "T2R1"]
min_reads = 100
[discovery.plasticity.repertoires]                  # clones of the mapping's own samples, into the record
file = "clones.csv"                                 # one row per sample and clone
sample = "sample"
clone = "barcode"
reads = "reads"
[discovery.plasticity.growth]
file = "clonal_dip_rates.csv"                       # line and rate, or line, well, time_h and nuclei
line = "Cell_Line"
rate = "DIP_Rate"
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.discovery.answers import Answer, beside, finding, listed, needed, number, only
from opsonin.discovery.bulk_cohorts import read_bulk_cohorts, score_association
from opsonin.discovery.clones import CloneDynamics, clone_dynamics
from opsonin.discovery.colonies import STABLE_H, growth_rates
from opsonin.discovery.feature_comparison import compare_features
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.growth_states import FEWEST, growth_table, lines_differ
from opsonin.discovery.marker_sources import LEVEL, numbers, read_table
from opsonin.discovery.own_cells import labelled
from opsonin.discovery.plasticity import (
    UNIVERSE,
    changed_genes,
    named_sets,
    plasticity_features,
    rank_scores,
    set_agreement,
)
from opsonin.discovery.pseudobulk import chosen_cells
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.repertoires import FEWEST_READS, clone_features
from opsonin.discovery.sample_days import said_of_days
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

SECTION = "[discovery.plasticity]"
NUCLEI = (("well", "well"), ("time_h", "time_h"), ("count", "nuclei"))  # keys, and the columns without them
CLONES = "replicates before and after (see docs/discovery-plasticity.md)"


def answer_plasticity(
    settings: Mapping[str, Any], data: Path, samples: Samples | None = None, *, asked: Discovery | None = None,
    replicates: int = 199, seed: int = 1,
) -> Answer:  # fmt: skip
    """Each part that the section asks for; features of samples are compared as those of states are.

    asked: [discovery], which says between which groups.

    Raises: DiscoveryError for an unknown key, a missing file, or a section that asks for nothing.
    """
    only(settings, ("malignant", "sets", "genes", "cohorts", "clones", "repertoires", "growth"), SECTION)
    parts: list[Answer] = []
    sets = _sets(settings["sets"], data) if "sets" in settings else {}
    if "genes" in settings:
        parts.append(_agreement(settings["genes"], sets, data))
    if "cohorts" in settings:
        parts.append(_response(beside(data, settings["cohorts"], SECTION), sets))
    if "malignant" in settings:
        parts.append(_scored(listed(settings, "malignant", SECTION), sets, samples))
    if "clones" in settings:
        parts.append(_clones(settings["clones"], data, replicates, seed))
    if "repertoires" in settings:
        parts.append(_repertoires(settings["repertoires"], data, samples))
    if "growth" in settings:
        parts.append(_growth(settings["growth"], data, replicates, seed))
    if not parts:
        raise DiscoveryError(f"{SECTION} asks for nothing; give genes, malignant, clones or growth.")
    tables = {name: table for part in parts for name, table in part.tables.items()}
    texts = {name: text for part in parts for name, text in part.pages.items()}
    features = [part.features for part in parts if part.features is not None]
    notes = [note for part in parts for note in part.notes]
    rows = [row for part in parts for row in part.findings]
    if not features or samples is None:
        return Answer("plasticity", tables, rows, texts, tuple(notes))
    joined = FeatureTable.joined(features)
    compared = compare_features(joined, samples, asked or Discovery(), seed)
    notes += [*compared.notes, *([said] if (said := said_of_days(samples.samples)) else [])]
    return Answer("plasticity", tables | compared.tables, [*rows, *compared.findings], texts, tuple(notes), joined)


def _sets(asked: Mapping[str, Any], data: Path) -> dict[str, tuple[str, ...]]:
    where = "[discovery.plasticity.sets]"
    only(asked, ("file", "names"), where)
    known = named_sets(beside(data, needed(asked, "file", where), where))
    names = listed(asked, "names", where) if "names" in asked else list(known)
    lacking = [name for name in names if name not in known]
    if lacking:
        raise DiscoveryError(f"{where}: there is no set {lacking[0]!r}; there are {', '.join(sorted(known)[:20])}.")
    return {name: known[name] for name in names}


def _agreement(asked: Mapping[str, Any], sets: dict[str, tuple[str, ...]], data: Path) -> Answer:
    where = "[discovery.plasticity.genes]"
    only(asked, ("file", "contrast", "higher_in", "universe"), where)
    if not sets:
        raise DiscoveryError(f"{where} needs [discovery.plasticity.sets] to compare with.")
    contrast, side = str(needed(asked, "contrast", where)), str(needed(asked, "higher_in", where))
    genes = changed_genes(beside(data, needed(asked, "file", where), where), contrast, side)
    universe = int(number(asked, "universe", UNIVERSE, where))
    table = set_agreement(genes, sets, universe)
    table.insert(0, "contrast", f"{contrast}, higher in {side}")
    words = f"hypergeometric, {universe} genes assumed in all; p one-sided, of more than by chance"
    rows = []
    for _, row in table.iterrows():
        more = {
            "p": row["p"],
            "n": len(genes),
            "unit": "genes",
            "method": words,
            "note": f"higher in {side}: {contrast}; false discovery rate over {len(table)} sets {row['q']:.2g}",
        }
        rows.append(finding(f"plasticity.overlap.{row['set']}", f"{contrast}: {side}", float(row["shared"]), **more))
    notes = [f"{len(genes)} genes are higher in {side} ({contrast}); the universe of {universe} genes is assumed"]
    other = [name for name in table.columns if name.startswith("p of ")]
    hangs = table["set"][(table[other].le(LEVEL).nunique(axis=1) > 1) if other else []]
    if len(hangs):
        sizes = ", ".join(name.removeprefix("p of ") for name in other)
        notes.append(f"whether P is below 0.05 hangs on that number (tried {sizes}) for {', '.join(hangs)}")
    return Answer("plasticity", {"overlaps": table}, rows, notes=tuple(notes))


def _response(folder: Path, sets: dict[str, tuple[str, ...]]) -> Answer:
    if not sets:
        raise DiscoveryError(f"{SECTION}: cohorts = … needs [discovery.plasticity.sets] to score.")
    cohorts = read_bulk_cohorts(folder)
    tables, rows, notes = [], [], []
    for name, genes in sets.items():
        try:
            made = score_association(cohorts, lambda level, own=genes: rank_scores(level, own))
        except DiscoveryError as problem:
            notes.append(f"{name}: {problem}")
            continue
        tables.append(made.assign(set=name))
        one = made.iloc[-1]
        more = {"lower": one["lower"], "upper": one["upper"], "p": one["p"], "level": 0.95, "n": int(one["n"])}
        words = "log odds of response per SD of the rank score; Firth, random effects over cohorts"
        rows.append(finding(f"plasticity.response.{name}", "all", one["log_odds"], method=words, **more))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return Answer("plasticity", {"programme_response": table}, rows, notes=tuple(notes))


def _scored(labels: list[str], sets: dict[str, tuple[str, ...]], samples: Samples | None) -> Answer:
    if samples is None or samples.expression is None:
        raise DiscoveryError(f"{SECTION}: malignant = … scores the samples' own cells, but there is no expression.")
    if not sets:
        raise DiscoveryError(f"{SECTION}: malignant = … needs [discovery.plasticity.sets] to score.")
    samples = labelled(samples)
    features = plasticity_features(samples, sets, chosen_cells(samples.cells["label"], labels))
    return Answer("plasticity", {"programmes": features.frame}, features=features)


def _clones(asked: Mapping[str, Any], data: Path, replicates: int, seed: int) -> Answer:
    where = "[discovery.plasticity.clones]"
    only(asked, ("file", "before", "after", "min_reads"), where)
    table = read_table(beside(data, needed(asked, "file", where), where))
    table = table.set_index(table.columns[0])
    for key in ("before", "after"):
        needed(asked, key, where)
    before, after = listed(asked, "before", where), listed(asked, "after", where)
    least = number(asked, "min_reads", 100, where)
    found = clone_dynamics(table, before, after, min_reads=least, replicates=max(replicates, 100), seed=seed)
    text = (
        f"### Clones: {found.verdict}\n\n" + "\n".join(f"- {said}" for said in (*found.reasons, *found.cautions)) + "\n"
    )
    tables = {
        "clones": found.to_frame(),
        "clone_likeness": found.likeness,
        "clone_diversity": found.diversity.rename_axis("sample").reset_index(),
        "clone_table": found.table.rename_axis("clone").reset_index(),
    }
    said = f"clones: {found.verdict}; {'; '.join(found.reasons)}"
    return Answer("plasticity", tables, _clone_findings(found), {"clones": text}, (said, *found.cautions))


def _repertoires(asked: Mapping[str, Any], data: Path, samples: Samples | None) -> Answer:
    where = "[discovery.plasticity.repertoires]"
    only(asked, ("file", "sample", "clone", "reads"), where)
    if samples is None:
        raise DiscoveryError(f"{where} describes the mapping's own samples, but [files] names none.")
    table = read_table(beside(data, needed(asked, "file", where), where))
    sample, clone, reads = (str(asked.get(key, key)) for key in ("sample", "clone", "reads"))
    features = clone_features(table, samples.samples, sample=sample, clone=clone, reads=reads)
    lost = sorted(set(table[sample].astype(str)) - set(features.frame["sample"].astype(str)))
    said = f"clones: {len(lost)} samples have fewer than {FEWEST_READS} reads and no value: {', '.join(lost[:8])}"
    return Answer("plasticity", {"repertoires": features.frame}, notes=(said,) if lost else (), features=features)


def _clone_findings(found: CloneDynamics) -> list[dict[str, Any]]:
    kept = found.kept / found.common
    base = {"method": CLONES, "n": found.common, "level": 0.95, "note": found.verdict}
    rows = [finding("plasticity.clones.kept", "all", kept, p=found.lost_p, unit="proportion", **base)]
    bounded = {
        "diversity_ratio": (found.diversity_ratio, found.fall_p, "ratio"),
        "spread": (found.spread, found.spread_p, "log2"),
        "founders": (found.founders, float("nan"), "proportion"),
        "likeness_corrected": (found.corrected, float("nan"), "correlation"),
    }
    for name, ((value, low, high), p, unit) in bounded.items():
        rows.append(finding(f"plasticity.clones.{name}", "all", value, lower=low, upper=high, p=p, unit=unit, **base))
    for kind in ("within before", "before to after"):
        name = f"plasticity.clones.likeness.{kind.replace(' ', '_')}"
        rows.append(finding(name, "all", found.mean_likeness(kind), unit="correlation", **base))
    return rows


def _growth(asked: Mapping[str, Any], data: Path, replicates: int, seed: int) -> Answer:
    where = "[discovery.plasticity.growth]"
    only(asked, ("file", "line", "rate", "well", "time_h", "count", "stable_h"), where)
    table = read_table(beside(data, needed(asked, "file", where), where))
    line = str(asked.get("line", "line"))
    if "rate" in asked:
        rate = str(asked["rate"])
        lacking = [name for name in (line, rate) if name not in table.columns]
        if lacking:
            raise DiscoveryError(f"{where}: the table has no column {lacking[0]!r}; it has {', '.join(table.columns)}.")
        rates = table[[line, rate]].rename(columns={line: "line", rate: "rate"})
        rates["rate"] = numbers(table, rate, where)
    else:
        well, time, count = (str(asked.get(key, own)) for key, own in NUCLEI)
        stable = number(asked, "stable_h", STABLE_H, where)
        rates = growth_rates(table, line=line, well=well, time_h=time, count=count, stable_h=stable)
    counted = rates.groupby("line", sort=True)["rate"].count()
    few = [f"{name}: {int(n)} rates" for name, n in counted.items() if n < FEWEST]
    if len(few) == len(counted):
        raise DiscoveryError(f"{where}: no line has {FEWEST} growth rates ({', '.join(few[:5])}).")
    rates = rates[rates["line"].isin(counted.index[counted >= FEWEST])]
    made = growth_table(rates, "line", "rate", replicates=replicates, seed=seed)
    rows = []
    if len(made) > 1:
        h, p = lines_differ(rates, "line", "rate")
        rows.append(finding("plasticity.growth.lines_differ", "all", h, p=p, n=len(rates), method="Kruskal-Wallis"))
    words = "EM of two normals against single states by BIC; p by parametric bootstrap"
    for _, row in made.iterrows():
        more = {"p": row["p"], "n": int(row["n"]), "method": words, "note": f"best: {row['best']}"}
        rows.append(finding("plasticity.growth.states", str(row["line"]), float(row["states"]), **more))
        rows.append(finding("plasticity.growth.bic_margin", str(row["line"]), float(row["margin"]), **more))
    two = ", ".join(made["line"][made["states"] == 2].astype(str))
    said = (
        f"growth: of {len(made)} lines {two or 'none'} {'is' if ',' not in two else 'are'} best described by two states"
    )
    notes = [said] + ([f"left out, as {FEWEST} colonies are needed: {', '.join(few)}"] if few else [])
    return Answer("plasticity", {"growth": made, "growth_rates": pd.DataFrame(rates)}, rows, notes=tuple(notes))
