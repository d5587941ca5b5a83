"""Exposure–response in chapter 4 and the composition of the lymphocytes in chapter 5."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse, ask, exposure_responses
from opsonin.record import TrialRecord
from opsonin.report.chapters import pharmacokinetics
from opsonin.report.context import Context
from opsonin.report.figures.composition import PARENTS, composition, lymphocyte_shares, median_composition
from opsonin.report.figures.exposure_response import exposure_response
from opsonin.report.groups import grouped
from report.make_record import arms_only, small_trial


def changed(record, name, frame):
    return TrialRecord({**record.tables, name: frame}, record.manifest)


def test_each_effect_has_a_panel_with_its_patients_and_its_curve():
    record = small_trial()
    (figure,) = exposure_response(record, grouped(record))
    fitted = [one for one in exposure_responses(ask(record)) if one.fit is not None]
    assert [one.name for one in fitted] == ["exposure_dlt", "exposure_severe", "exposure_HLA-DR+ NK"]
    dots = [trace for trace in figure.plot.data if trace["mode"] == "markers"]
    assert [len(trace["x"]) for trace in dots] == [len(one.rows) for one in fitted] == [16, 17, 17]  # one was replaced
    assert (np.asarray(dots[0]["y"]) > 1).sum() == fitted[0].rows["event"].sum() == 3
    curves = [trace for trace in figure.plot.data if trace["mode"] == "lines" and "fill" not in trace]
    middle = np.asarray(curves[0]["y"])
    assert middle[-1] == pytest.approx(fitted[0].fit.probability(np.log2(np.asarray(curves[0]["x"])))[0, -1])
    assert "do not tell the two apart" in figure.caption
    figure.plot.plotly()


def test_the_table_gives_the_findings_numbers():
    record = small_trial()
    findings = analyse(record)
    chapter = pharmacokinetics.chapter(Context(record, findings, grouped(record)))
    (table,) = [block for block in chapter.blocks if getattr(block, "title", "").startswith("Exposure–response")]
    rows: Any = table.rows
    assert [row[0] for row in rows] == [
        "Dose-limiting toxicity", "Event of grade 3 or worse", "Change of HLA-DR+ NK on day 15",
    ]  # fmt: skip
    odds = findings.get("pk.interleukin-2.exposure_severe")
    assert rows[1][2].startswith(f"odds × {odds.estimate:.3g}"[:11])
    assert rows[1][5] == str(odds.events)


def test_a_mean_of_fewer_patients_than_its_row_says_of_how_many():
    record = small_trial()
    findings = analyse(record)
    chapter = pharmacokinetics.chapter(Context(record, findings, grouped(record)))
    tables = [b for b in chapter.blocks if getattr(b, "title", "").startswith("Exposure to ")]
    imatinib, other = (next(t for t in tables if t.title.startswith(f"Exposure to {a}")) for a in ("imatinib", "inter"))
    column = next(k for k, name in enumerate(imatinib.columns) if name.startswith("half-life"))
    for row in imatinib.rows:
        slope, area = (findings.get(f"pk.imatinib.{name}", row[0]) for name in ("half_life", "auc"))
        assert slope.n is not None
        assert slope.n < int(row[1]) == area.n
        assert row[column].endswith(f", n = {slope.n}")
        assert not any(", n = " in cell for cell in [*row[:column], *row[column + 1 :]])
    assert "their mean is not that of all" in imatinib.caption
    assert not any(", n = " in cell for row in other.rows for cell in row)
    assert "mean is not" not in other.caption


def test_without_concentrations_of_an_escalated_agent_there_is_no_figure():
    record = small_trial()
    assert exposure_response(arms_only(), grouped(arms_only())) == []
    other = record.concentrations[record.concentrations["analyte"] == "imatinib"]
    assert exposure_response(changed(record, "concentrations", other), grouped(record)) == []


def test_shares_are_of_the_four_parents_and_no_subset():
    record = small_trial()
    shares = lymphocyte_shares(record, grouped(record))
    assert np.allclose(shares[list(PARENTS)].sum(axis=1), 100)
    rows = record.measurements
    own = rows[(rows["subject_id"].astype(str) == "P0003") & (rows["day"] == 14.0)].set_index("marker")["value"]
    seen = shares[(shares["subject_id"] == "P0003") & (shares["day"] == 15)].iloc[0]
    assert seen["NK"] == pytest.approx(100 * own["NK"] / own[list(PARENTS)].sum())


def test_the_median_composition_is_closed_to_all():
    record = small_trial()
    shares = lymphocyte_shares(record, grouped(record))
    table = median_composition(shares)
    assert np.allclose(table.groupby(["group", "day"])["percent"].sum(), 100)
    here = shares[(shares["group"] == "interleukin-2 9 MIU") & (shares["day"] == 15)][list(PARENTS)].median()
    drawn = table[(table["group"] == "interleukin-2 9 MIU") & (table["day"] == 15)].set_index("marker")
    assert drawn.loc["B", "percent"] == pytest.approx(100 * here["B"] / here.sum())
    assert drawn.loc["B", "median_percent"] == pytest.approx(here["B"])
    assert drawn.loc["B", "patients"] == 6
    figure = composition(record, grouped(record))
    assert figure is not None
    figure.plot.plotly()
    assert "interleukin-2 9 MIU" in figure.caption


@pytest.mark.parametrize("spoil", ["missing", "unit", "compartment", "none"])
def test_without_all_four_alike_there_is_no_composition(spoil):
    record = small_trial()
    rows = record.measurements
    nk = rows["marker"] == "NK"
    if spoil == "missing":
        rows = rows[~nk]
    elif spoil == "none":
        rows = rows.iloc[:0]
    else:
        rows = rows.assign(**{spoil: rows[spoil].astype(object).mask(nk, "percent" if spoil == "unit" else "tumour")})
    assert composition(changed(record, "measurements", rows), grouped(record)) is None


def test_other_spellings_of_the_four_are_known_and_a_missing_value_leaves_the_visit_out():
    record = small_trial()
    rows = record.measurements
    spelled = rows["marker"].replace({"NK": "NK cells", "CD4+": "CD4", "B": "CD19+"})
    value = rows["value"].mask((rows["subject_id"] == "P0001") & (rows["marker"] == "NK") & (rows["day"] == 0.0))
    shares = lymphocyte_shares(
        changed(record, "measurements", rows.assign(marker=spelled, value=value)), grouped(record)
    )
    assert len(shares) == 4 * 17 - 1
    assert not ((shares["subject_id"] == "P0001") & (shares["day"] == 1)).any()
    assert isinstance(shares, pd.DataFrame)
