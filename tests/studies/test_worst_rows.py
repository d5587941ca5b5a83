"""What the causes of the worst rows of the clinical table say, in the same patients with one mechanism changed."""

import pytest

from opsonin.biology import full_core
from opsonin.model import Model
from opsonin.studies.cell_tables import AGENTS, pools
from opsonin.studies.worst_rows import ASKED, course, figures
from opsonin.therapies import load_agent

DEEP, RELEASE, PEAK = "fewer than 1 % of living cells left", "any cytokine release", "peak, cells/µl"


@pytest.mark.slow  # the model of all cells is compiled the first time
def test_the_causes_that_the_page_gives_hold():
    model = Model([*full_core(), *(load_agent(agent) for agent in AGENTS)])
    every = pools(model, *{asked.indication for asked in ASKED.values()}, patients=80)
    children, lymphoma, seen, gastric, opened = (
        figures(course(every[asked.indication], asked), asked.agent) for asked in ASKED.values()
    )
    assert lymphoma["of what is left in responders, not seen"] > 0.8
    assert seen[DEEP] > 2 * lymphoma[DEEP]
    assert seen["largest lesion at most 15 mm"] < seen[DEEP]  # a scar is left
    assert gastric[PEAK] < 0.01 * children[PEAK]
    assert gastric[RELEASE] < opened[RELEASE] < 0.5 * children[RELEASE]
    assert opened["response"] > gastric["response"] + 0.3
