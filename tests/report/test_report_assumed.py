"""What is assumed that matters most: what the outcome hangs on comes first, and one line a statement."""

import pandas as pd

from opsonin.analysis import Finding
from opsonin.record import Manifest, TrialRecord
from opsonin.report.chapters.summary import assumptions
from opsonin.report.context import Context
from opsonin.report.groups import grouped

ITEMS = [
    {"sentence": "Assumed: cells settle as monocytes do (homing = 1).", "parameters": ["homing"]},
    {"sentence": "Calibrated to: survival of phase I (death_rate = 0.0006 1/day).", "parameters": ["death_rate"]},
    {
        "sentence": "Assumed: cells that nobody sees; 1e-09 in b-all (assumed: few (so it seems)); 0.0085 in pancreas "
        "(calibrated to: Chang 2024) (escape_share = 0.03).",
        "parameters": ["escape_share"],
    },
    {"sentence": "Assumed: a fifth is stroma (stroma_share = 0.2).", "parameters": ["stroma_share"]},
]


def told(findings=(), indications=("b-all", "pancreas")) -> list[str]:
    questions = {"arms": ["cells"], "indications": list(indications)}
    manifest = Manifest(kind="virtual", title="Cells", assumptions=ITEMS, questions=questions)
    record = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["P1", "P2"]})}, manifest)
    return [text for _, text in assumptions(Context(record, list(findings), grouped(record)))]


def share(name: str, estimate: float, lower: float) -> Finding:
    return Finding(f"why.variance.{name}.share", estimate=estimate, lower=lower, upper=estimate + 0.1)


def test_what_the_outcome_hangs_on_stands_first():
    found = [share("stroma_share", 0.25, 0.19), share("escape_share", 0.3, 0.2), share("homing", 0.4, -0.1)]
    lines = told(found)
    assert "escape_share" in lines[0]
    assert "stroma_share" in lines[1]
    assert "homing" not in " ".join(lines)  # its interval holds none


def test_the_values_of_every_indication_are_left_to_the_methods():
    line = told([share("escape_share", 0.3, 0.2)])[0]
    assert line == "Assumed: cells that nobody sees; values differ by indication (escape_share = 0.03)."
    whole = told([share("escape_share", 0.3, 0.2)], indications=("b-all",))
    assert "Chang 2024" not in whole[0]
    assert "Chang 2024" in told([share("escape_share", 0.3, 0.2)], indications=())[0]


def test_without_shares_each_subject_has_one():
    assert "death_rate" in " ".join(told())
