"""What a study says of itself, and what its questions come to."""

import re
from itertools import pairwise

import pytest

from opsonin.errors import StudyError
from opsonin.study import Study, bundled
from opsonin.study.contrasts import comparisons, left_out
from opsonin.study.file import Treatment
from opsonin.study.problems import line_of
from opsonin.study.texts import Duration, elapsed
from opsonin.study.words import _treatment
from opsonin.trial import protocol
from opsonin.trial.plan import dose_times


def treatment(agent, days, **more):
    return Treatment.model_validate({"agent": agent, "dose": "1 mg", "days": days, **more})


IMATINIB = treatment("imatinib", "1 to 14", cycle="21 days")
IL2 = treatment("interleukin-2", "10 to 14", cycle="21 days")
AGENTS = {"imatinib": "imatinib", "CGP74588": "imatinib", "interleukin-2": "interleukin-2"}
GIVEN = [("imatinib", IMATINIB), ("interleukin-2", IL2)]


@pytest.fixture(scope="module")
def study():
    return Study.load("imatinib-il2")


def test_a_drug_that_is_sampled_alone_is_compared_within_the_trial():
    found = {c.analyte: c for c in comparisons(["imatinib", "CGP74588", "interleukin-2"], AGENTS, GIVEN, [9, 14])}
    assert found["imatinib"].alone == found["CGP74588"].alone == (9,)
    assert found["imatinib"].together == (14,)
    assert not found["imatinib"].potential
    assert "day 14 against day 9, within patients" in found["imatinib"].text


def test_a_drug_that_is_never_given_alone_needs_a_potential_outcome():
    found = comparisons(["imatinib", "interleukin-2"], AGENTS, GIVEN, [9, 14])
    assert left_out(found) == ["imatinib"]
    assert "potential outcome without imatinib" in found[-1].text


def test_sampling_in_a_later_cycle_counts_as_that_day_of_the_cycle():
    within = comparisons(["imatinib", "interleukin-2"], AGENTS, GIVEN, [30, 35])[0]
    assert (within.alone, within.together) == ((30,), (35,))


def test_a_block_after_a_run_in_repeats_from_its_first_day():
    late = treatment("imatinib", "15", cycle="7 days", cycles=3)
    given = [("imatinib", late), ("interleukin-2", treatment("interleukin-2", "1", cycle="14 days"))]
    on = {day: comparisons(["interleukin-2", "imatinib"], AGENTS, given, [day])[0] for day in (1, 15, 29, 43)}
    assert [day for day, found in on.items() if found.together] == [15, 29]
    assert on[1].alone == (1,)


@pytest.mark.parametrize(
    ("days", "cycle", "words"),
    [
        ("15", "7 days", "day 15 (elapsed 14) and every 7 days from then on, then 22 and 29 …; up to 51 cycles."),
        ("20 to 24", "21 days", "of every 21-day cycle, then 41 to 45 and 62 to 66 …; up to 17 cycles."),
        ("8", "14 days", "day 8 (elapsed 7) of every 14-day cycle, then 22 and 36 …; up to 26 cycles."),
    ],
)
def test_what_repeats_after_a_run_in_is_said_and_given(days, cycle, words):
    block = treatment("imatinib", days, cycle=cycle)
    said = _treatment(block, "imatinib", "oral", Duration.read("12 months"))
    assert said.startswith("imatinib: 1 mg, oral")
    assert said.endswith(words)
    mine = _treatment(treatment("./own.py:module", days, arm=["a", "b"]), "drug", "oral", Duration.read("12 months"))
    assert mine.startswith("drug, of ./own.py:module (only in the arms a and b): 1 mg, oral")
    given = protocol.Treatment("imatinib", (1.0,), "mg", "oral", block.days.blocks, cycle_days=block.cycle.days)
    times = dose_times(given, 365.25)
    first = [day for a, b in block.days.blocks for day in range(a, b + 1)]
    assert times[: 2 * len(first)].tolist() == [day - 1.0 + shift for shift in (0.0, block.cycle.days) for day in first]
    assert -(-len(times) // len(first)) == int(words.split()[-2])


def test_the_days_after_a_partner_are_neither_with_nor_without_it():
    late = treatment("imatinib", "1 to 21")
    early = treatment("interleukin-2", "5 to 7")
    found = comparisons(
        ["imatinib", "interleukin-2"], AGENTS, [("imatinib", late), ("interleukin-2", early)], [2, 6, 12]
    )
    assert (found[0].alone, found[0].together) == ((2,), (6,))


def test_a_drug_that_no_sampled_day_has_cannot_be_compared():
    found = comparisons(["imatinib", "interleukin-2"], AGENTS, GIVEN, [9])
    assert "cannot be answered" in found[-1].text
    assert left_out(found) == []


def test_the_study_says_levels_days_cycles_window_and_comparisons(study):
    said = study.describe()
    for words in (
        study.file.title,
        "2,000 virtual patients",
        "cyclophosphamide: 50 mg, oral, once a day, days −21 to 14 (elapsed −21 to 13), given once: 35 doses.",
        "imatinib: 400 mg, oral, once a day, days 1 to 14 (elapsed 0 to 13) of every 21-day cycle",
        "then 22 to 35 and 43 to 56",
        "level 4: interleukin-2 12 MIU",
        "fatigue >= 3",
        "elapsed 0 to 21",
        "days −21, 1, 10 and 15 (elapsed −21, 0, 9, 14)",
        "24 months (730.5 days)",
        "HLA-DR+ NK at day 15 against PFS and OS",
        "potential outcome without imatinib",
    ):
        assert words in said


def test_no_line_ends_in_two_full_stops(study):
    assert not re.search(r"\.\.(\s|$)", study.describe())


def test_the_protocol_says_what_the_file_says(study):
    made = study.built.protocol
    assert [level.name for level in made.levels] == [f"interleukin-2 {d} MIU" for d in (3, 6, 9, 12)]
    assert made.first_time == -21.0
    assert [t.dose(2) for t in made.treatments] == [50.0, 400.0, 6.0]
    assert (made.dlt_window_days, made.observe_days, made.tumour.every_days) == (21.0, 730.5, 42.0)
    assert made.sampling.hours == (0, 1, 2, 4, 8, 24)


def test_both_clocks_agree():
    days = [-21, -1, 1, 15]
    assert [elapsed(d) for d in days] == [protocol.elapsed(d) for d in days]
    assert all(b > a for a, b in pairwise(map(elapsed, days)))


def test_the_digest_is_of_the_study_and_of_its_own_therapies(tmp_path, study):
    (tmp_path / "drug.py").write_text("def module():\n    pass\n")
    path = tmp_path / "mine.toml"
    path.write_text(study.text.replace('agent = "cyclophosphamide"', 'agent = "./drug.py:module"'))
    before = Study.load(path).digest
    assert before != study.digest
    (tmp_path / "drug.py").write_text("def module():\n    return 1\n")
    assert Study.load(path).digest != before


def test_every_bundled_study_is_in_order():
    assert "imatinib-il2" in bundled()
    for name in bundled():
        assert Study.load(name).built.protocol.levels


def test_an_infusion_goes_with_its_route_alone():
    with pytest.raises(ValueError, match="goes with route"):
        treatment("a", "1", infusion="1 hour", route="oral")


@pytest.mark.parametrize(
    ("path", "line"),
    [(("title",), 1), (("population", "pool"), 4), (("treatment", 0, "days"), 8), (("treatment", 1, "days"), 12)],
)
def test_fields_are_found_in_the_text(path, line):
    text = (
        'title = "a"\n\n[population]\npool = 3\n\n[[treatment]]\nagent = "a"\ndays = "1"\n\n'
        '[[treatment]]\nagent = "b"\ndays = "2"\n'
    )
    assert line_of(text, path) == line


def test_an_unknown_public_name_is_an_error():
    import opsonin.study

    with pytest.raises(AttributeError, match="its public names are"):
        opsonin.study.nothing  # noqa: B018
    with pytest.raises(StudyError, match="did you mean 'imatinib-il2'"):
        Study.load("imatinib-il")
