"""Figures that stand on the pages of discovery: what their programs say now."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from paths import needs_data

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
discovery_cells, discovery_melanoma, run_all = map(import_module, ("discovery_cells", "discovery_melanoma", "run_all"))
sys.path.pop(0)


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").split())


@needs_data
def test_lesions_before_treatment_say_what_the_page_says():
    found = discovery_melanoma.by_patient(discovery_melanoma.lesions(), before=True).set_index("feature")
    assert found[["n_first", "n_second"]].iloc[0].tolist() == [9, 10]
    told = []
    for short, name in (("G11 (p ", "G11 exhausted/cycling lymphocytes"), ("B cells (", "G1 B cells"),
                        ("memory T cells (", "G10 memory T cells")):  # fmt: skip
        p, rate = found.loc[f"{name} log-ratio", ["p", "p_bh"]]
        told.append((short, f"{p:.4f}" if p < 0.005 else f"{p:.3f}", f"{rate:.3f}"))
    (g11, p_11, rate_11), *others = told
    said = [f"{g11}{p_11}, false discovery rate {rate_11})", *(f"{short}{p}, {rate})" for short, p, rate in others)]
    assert all(one in page("discovery-melanoma") for one in said), said


@needs_data
def test_gated_proteins_say_what_the_page_says():
    table = discovery_cells.proteins()
    called = table.drop(columns="unknown").sum(axis=1)
    plural = {"T cell": "T cells", "B cell": "B cells", "NK cell": "NK cells", "mononuclear phagocyte": "phagocytes"}
    said = [f"{table.loc[kind, kind]} of {called[kind]} {name}" for kind, name in plural.items()]
    assert all(one in page("discovery-cells") for one in said), said


@needs_data
@pytest.mark.slow
def test_blood_cells_say_what_the_page_says():
    pytest.importorskip("scanpy")
    samples, found = discovery_cells.blood()
    one = discovery_cells.recovered(samples, found)["neighbours"]
    f1 = one.types.set_index("type")["f1"]
    kinds = ["T cell", "B cell", "mononuclear phagocyte", "blood progenitor", "NK cell"]
    assert f"**{one.adjusted_rand:.2f}** ({one.adjusted_rand_known:.2f} among those found)" in page("discovery-cells")
    assert " | ".join(f"{f1[kind]:.2f}" for kind in kinds) in page("discovery-cells")


def test_results_of_some_benchmarks_leave_the_others_as_they_are():
    text = "# Benchmarks\n\nWritten.\nAnd more.\n\n## one\n\n| a |\n|---|\n\n## two\n\n| b |\n"
    head, sections = run_all.parted(text)
    assert head == ["# Benchmarks", "", "Written.", "And more."]
    assert sections == {"one": ["| a |", "|---|"], "two": ["| b |"]}
