"""A searched cut in the report of a trial: its picture, with the price in words."""

import numpy as np
import pandas as pd

from opsonin.analysis import Findings, analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report.chapters.biomarkers import chapter
from opsonin.report.context import Context
from opsonin.report.groups import grouped


def _context(questions):
    rng = np.random.default_rng(3)
    who = [f"P{k}" for k in range(50)]
    marker = rng.lognormal(4, 0.8, 50)
    subjects = pd.DataFrame({"subject_id": who, "level": np.repeat([1, 2], 25), "CD3": marker})
    days = rng.exponential(np.where(marker > 60, 500, 150))
    survival = pd.DataFrame({"subject_id": who * 2, "endpoint": ["OS"] * 50 + ["PFS"] * 50, "day": [*days, *days / 2]})
    tables = {"subjects": subjects, "survival": survival.assign(event=True, origin_day=0.0)}
    record = TrialRecord(tables, Manifest(title="fifty patients", questions=questions))
    return Context(record, analyse(record), grouped(record))


def test_each_searched_cut_has_its_own_picture_and_says_what_the_search_costs(tmp_path):
    asked = {"biomarkers": [{"marker": "CD3", "against": ["OS", "PFS"]}]}
    context = _context({**asked, "search_cut": ["CD3"]})
    drawn = [figure for figure in chapter(context).figures if figure.name.endswith("-cut")]
    assert len({figure.name for figure in drawn}) == 2
    assert all("After the search p is" in figure.caption for figure in drawn)
    assert {"cut", "statistic", "chosen"} <= set(drawn[0].data)
    assert not [figure for figure in chapter(_context(asked)).figures if figure.name.endswith("-cut")]
    context.findings.save(tmp_path / "findings.json")  # the rows behind a number are not saved
    loaded = Context(context.record, Findings.load(tmp_path / "findings.json"), context.groups)
    assert not [figure for figure in chapter(loaded).figures if figure.name.endswith("-cut")]
