"""Two real sets of melanoma: the publication's figures by lesion, then patients as the unit, through to the record."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from opsonin.discovery import (
    FeatureTable,
    annotate,
    compare,
    composition,
    composition_features,
    counts_of_percents,
    nearest,
    read_samples,
    score_states,
)
from opsonin.discovery.cell_map import map_cells
from opsonin.discovery.into_record import as_record
from opsonin.discovery.samples import Samples
from opsonin.discovery.state_table import default_states
from paths import DATA, needs_data

B_CELLS, CYCLING, MEMORY = "G1 B cells", "G11 exhausted/cycling lymphocytes", "G10 memory T cells"
DENDRITIC = "G4 dendritic cells"
PUBLISHED = {CYCLING: 1.3e-5, B_CELLS: 0.0033, "G3 monocytes/macrophages": 0.0040, "G6 exhausted CD8 T cells": 0.0052,
             DENDRITIC: 0.0154, MEMORY: 0.0365}  # Table S2  # fmt: skip
RESPONSES = {"first": "responder", "second": "non-responder"}


@cache
def lesions() -> Samples:
    return read_samples(DATA / "scrna-melanoma-sadefeldman2018", "sadefeldman2018")


def only(table: FeatureTable, unit: str) -> FeatureTable:
    return FeatureTable(table.frame[table.frame["unit"] == unit], table.samples)


@needs_data
def test_by_lesion_the_publications_p_values_come_back():
    response = lesions().samples.set_index("sample")["response"].astype(str)
    counts = lesions().counts
    assert counts is not None
    for cluster in counts:
        one, other = (counts[cluster][(response == word).reindex(counts.index)] for word in RESPONSES.values())
        p = mannwhitneyu(one, other).pvalue
        if cluster in PUBLISHED:
            assert float(f"{p:.1e}") == pytest.approx(PUBLISHED[cluster], rel=0.03)
        else:
            assert p > 0.1
    found = compare(only(composition_features(lesions()), "percent"), response, unit="sample", test="rank", **RESPONSES)
    assert "unit: sample" in found.told()[0]
    assert set(found.frame["feature"][found.frame["p"] < 0.05]) == {f"{name} share" for name in PUBLISHED}


@needs_data
def test_the_counts_behind_the_percents_are_those_of_the_reanalysed_cells():
    counts = lesions().counts
    assert counts is not None
    cells = counts_of_percents(counts)
    assert int(cells.to_numpy().sum()) == 15_300
    assert cells.sum(axis=1).between(163, 452).all()


@needs_data
def test_with_patients_as_the_unit_four_of_six_survive():
    """Four patients have lesions of both kinds; the others' lesions are averaged. G3 and G6 do not survive."""
    response = lesions().samples.set_index("sample")["response"]
    found = compare(only(composition_features(lesions()), ""), response, **RESPONSES)
    assert found.frame[["n_first", "n_second"]].iloc[0].tolist() == [10, 18]
    assert "P1, P28, P4, P5" in found.left_out[0]
    kept = found.frame.set_index("feature")
    assert set(kept.index[kept["p_bh"] <= 0.05]) == {
        f"{name} log-ratio" for name in (B_CELLS, DENDRITIC, MEMORY, CYCLING)
    }
    assert set(kept.index[kept["p_max"] <= 0.05]) == {f"{name} log-ratio" for name in (B_CELLS, CYCLING)}
    differences = kept["difference"].to_dict()
    assert differences[f"{B_CELLS} log-ratio"] > 2
    assert differences[f"{CYCLING} log-ratio"] < -1


@needs_data
@pytest.mark.slow
def test_features_become_markers_that_every_analysis_of_the_record_takes():
    """Baseline lesions against response and survival, with how far each can be believed."""
    from opsonin.analysis import analyse
    from opsonin.analysis.screening import screen_response

    table = only(composition_features(lesions()), "")
    names = sorted(table.frame["feature"].unique())
    asked = [{"marker": name, "against": ["response", "OS"]} for name in names]
    record = as_record(lesions(), table, {"biomarkers": asked})
    record.validate()
    found = {finding.name: finding for finding in analyse(record)}
    cells = found[f"biomarker.response.{B_CELLS} log-ratio.auc"]
    assert (cells.n, cells.events) == (17, 8)
    assert cells.estimate is not None
    assert cells.estimate > 0.9
    believed = {
        name: found[f"biomarker.response.{name} log-ratio.auc.believability"].estimate for name in (B_CELLS, CYCLING)
    }
    assert believed[B_CELLS] is not None
    assert believed[CYCLING] is not None
    assert believed[B_CELLS] < 0.05 < believed[CYCLING]
    assert f"biomarker.OS.{B_CELLS} log-ratio.hazard_ratio" in found
    values = record.tables["measurements"].query("baseline").pivot(index="subject_id", columns="marker", values="value")
    best = record.tables["responses"].set_index("subject_id")["overall"].reindex(values.index)
    known = best.notna()
    screened = screen_response((best[known] == "PR").astype(float), values[known]).to_frame()
    assert screened.sort_values("p")["marker"].iloc[0] == f"{B_CELLS} log-ratio"


@needs_data
def test_the_ratio_of_tcf7_positive_to_negative_cells_by_lesion_and_by_patient():
    images = pd.read_csv(DATA / "scrna-melanoma-sadefeldman2018" / "lesions_tcf7_imaging.csv")
    images = images.dropna(subset=["tcf7pos_to_neg_cd8_ratio"])
    ratio = images["tcf7pos_to_neg_cd8_ratio"].rename("value")
    by = ratio.groupby(images["response"])
    assert by.median().round(2).to_dict() == {"NR": 0.66, "R": 1.46}
    assert mannwhitneyu(*(group for _, group in by)).pvalue == pytest.approx(3.8e-7, rel=0.02)
    frame = images.assign(value=np.log(ratio.clip(lower=0.01)), subject=images["patient"], feature="TCF7 ratio",
                          time=None, unit="", kind="state", source="imaging")  # fmt: skip
    response = images.set_index("sample")["response"]
    found = compare(FeatureTable(frame[["subject", "sample", "time", "feature", "value", "unit", "kind", "source"]]),
                    response, first="R", second="NR")  # fmt: skip
    assert found.frame["p"][0] < 1e-3
    assert found.frame["above"][0] > 0.85


@cache
def t_cells() -> Samples:
    return read_samples(DATA / "scrna-melanoma-icb", "melanoma-icb")


def share_by_response(marked: np.ndarray) -> tuple[float, float, float]:
    """Medians over patients of responders and others, and Mann–Whitney's p."""
    subject = t_cells().cells["subject"].astype(str).to_numpy()
    shares = pd.Series(marked.astype(float)).groupby(subject).mean()
    response = t_cells().subjects.set_index("subject")["response"].astype(str).reindex(shares.index)
    one, other = (shares[response == word] for word in RESPONSES.values())
    return float(one.median()), float(other.median()), float(mannwhitneyu(one, other).pvalue)


@needs_data
def test_by_the_publications_labels_exhausted_cells_are_more_in_non_responders():
    label = t_cells().cells["label"].astype(str)
    marked = label.isin(["Exhausted Cd8+ cells", "Exhausted/HS Cd8+ cells"]).to_numpy()
    responders, others, p = share_by_response(marked)
    assert (round(responders, 2), round(others, 2), round(p, 3)) == (0.12, 0.43, 0.010)


@needs_data
@pytest.mark.slow
def test_by_our_own_annotation_of_expression_the_direction_and_significance_come_back():
    """No label is used: our clusters, our markers. Means of cells' scores say the same without any cluster."""
    pytest.importorskip("scanpy")
    found = map_cells(t_cells(), umap=False)
    samples = t_cells().with_(cells=t_cells().cells.drop(columns="label").assign(cluster=found.cluster))
    annotation = annotate(samples)
    exhausted = (annotation.cells["label"] == "exhausted CD8 T cell").to_numpy()
    responders, others, p = share_by_response(exhausted)
    assert others > responders + 0.2
    assert p < 0.05
    label = t_cells().cells["label"].astype(str)
    theirs = label.str.contains("Exhausted|cell-cycle").to_numpy()
    assert (exhausted & theirs).sum() / exhausted.sum() > 0.8
    responders, others, p = share_by_response(annotate(samples, level="cell").scores["exhausted CD8 T cell"].to_numpy())
    assert others > responders
    assert p < 0.02


@needs_data
def test_states_by_degree_separate_responders_by_patient():
    states = [state for state in default_states()[0] if state.within == "T cell" and state.name != "cycling"]
    scores = score_states(t_cells(), states).values
    for name, higher in (("memory", True), ("naive", True), ("progenitor exhausted", True), ("exhausted", False)):
        responders, others, p = share_by_response(scores[name].to_numpy())
        assert (responders > others) == higher
        assert p < 0.05


@needs_data
def test_a_hundred_genes_give_the_shares_of_each_tumour_that_the_next_study_published():
    """Tirosh 2016 has no labels here; Jerby-Arnon 2018 labelled the same tumours anew, with all genes."""
    samples = read_samples(DATA / "scrna-melanoma-tirosh", "tirosh")
    values = samples.matrix().toarray()
    left, size, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    found = annotate(samples, level="neighbours", neighbours=nearest(left[:, :15] * size[:15]))
    ours = pd.crosstab(samples.cells["sample"].astype(str), found.cells["lineage"].astype(str))
    theirs = composition(read_samples(DATA / "scrna-melanoma-jerbyarnon2018", "jerbyarnon2018"))
    kinds = {"T cell": ["T.CD4", "T.CD8", "T.cell"], "B cell": ["B.cell"], "mononuclear phagocyte": ["Macrophage"]}
    published = pd.DataFrame({kind: theirs[labels].sum(axis=1) for kind, labels in kinds.items()})
    tumours = [name for name in ours.index if name in published.index and published.loc[name].sum() >= 20]
    assert len(tumours) == 15
    shares = [
        table.loc[tumours, list(kinds)].pipe(lambda t: t.div(t.sum(axis=1), axis=0)) for table in (ours, published)
    ]
    assert (shares[0] - shares[1]).abs().mean().max() < 0.05
    for kind in kinds:
        assert np.corrcoef(shares[0][kind], shares[1][kind])[0, 1] > 0.9
