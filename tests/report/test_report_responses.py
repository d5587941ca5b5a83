"""Responses on the first page: arm by arm, in each indication that the arms share, and from end to end of a basket."""

import pandas as pd
import pytest

from opsonin.analysis import analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report.chapters.summary import found
from opsonin.report.context import Context
from opsonin.report.figures.basket import rates
from opsonin.report.groups import grouped
from opsonin.report.keynumbers import key_numbers
from opsonin.report.phase_two import asked

EACH = 10


def responded(counts: dict[tuple[str, str], int], compare: str) -> TrialRecord:
    """Ten patients for each (arm, indication), of whom so many have PR and the others PD."""
    subjects, responses = [], []
    for (arm, indication), hits in counts.items():
        for k in range(EACH):
            who = f"{arm} {indication} {k}"
            subjects.append((who, arm, indication))
            responses.append((who, "RECIST 1.1", 84.0, True, "PR" if k < hits else "PD", "reported"))
    columns = ["subject_id", "criteria", "day", "best", "overall", "source"]
    tables = {
        "subjects": pd.DataFrame(subjects, columns=["subject_id", "arm", "indication"]),
        "responses": pd.DataFrame(responses, columns=columns),
    }
    arms = list(dict.fromkeys(arm for arm, _ in counts))
    indications = list(dict.fromkeys(name for _, name in counts))
    questions = {"compare": compare, "arms": arms, "indications": indications}
    return TrialRecord(tables, Manifest(kind="virtual", title="Responses", questions=questions))


def context_of(record: TrialRecord) -> Context:
    return Context(record, list(analyse(record)), grouped(record))


def lines(record: TrialRecord) -> list[str]:
    return [f"{strong} {rest}".strip() for strong, rest in found(context_of(record))]


def test_arms_in_two_indications_are_told_apart_by_indication():
    counts = {("cells", "b-all"): 8, ("cells", "pancreas"): 0, ("armoured", "b-all"): 9, ("armoured", "pancreas"): 2}
    record = responded(counts, "arm")
    told = next(line for line in lines(record) if line.startswith("Responses by indication:"))
    for part in ("in b-all", "8 of 10 with cells", "in pancreas", "0 of 10 with cells", "2 of 10 with armoured"):
        assert part in told
    assert "in b-all and pancreas" in asked(context_of(record))[0]


def test_of_many_arms_the_lowest_and_the_highest_are_told_and_nothing_is_pooled():
    record = responded({(f"arm {k}", "tnbc"): k for k in range(5)}, "arm")
    told = next(line for line in lines(record) if line.startswith("Objective response"))
    assert "from 0 of 10 with arm 0 to 4 of 10 (40.0\u00a0%) with arm 4" in told.replace("(40\u00a0%)", "(40.0\u00a0%)")
    assert "of 50" not in told
    assert any("lowest (arm 0) and highest (arm 4) of 5 arms" in what for _, what in key_numbers(context_of(record)))


def test_a_basket_is_told_whole_and_from_one_end_to_the_other():
    record = responded(
        {("drug", name): hits for name, hits in zip("abcdef", (2, 0, 5, 1, 1, 3), strict=True)}, "indication"
    )
    told = next(line for line in lines(record) if line.startswith("Objective response"))
    assert told.startswith("Objective response in 12 of 60 (20")
    assert "from 0 of 10 in b to 5 of 10" in told
    assert asked(context_of(record))[-1].startswith("How many respond in 6 indications (a, b, c …)")


@pytest.mark.parametrize("indications", [2, 3])
def test_a_basket_of_few_gives_each_its_interval(indications):
    record = responded({("drug", name): 3 for name in "abc"[:indications]}, "indication")
    told = [line for line in lines(record) if line.startswith("Objective response")]
    assert "".join(told).count("interval 6.7–65.2") == indications


def test_three_arms_stand_side_by_side_in_the_key_numbers():
    record = responded({("a", "x"): 1, ("b", "x"): 5, ("c", "x"): 10}, "arm")
    assert ("10.0 / 50.0 / 100\u00a0%", "objective response, a / b / c") in key_numbers(context_of(record))


def test_the_basket_is_drawn_in_the_order_of_the_arms():
    counts = {(arm, name): 3 for arm in ("zeta", "alpha") for name in ("b-all", "pancreas")}
    figure = rates(context_of(responded(counts, "arm")))
    assert figure is not None
    labels = grouped(responded(counts, "arm")).labels
    drawn = list(dict.fromkeys(group.partition(",")[0] for group in figure.data["group"]))
    assert drawn == list(labels)
