"""Every number on the summary's lines is one of the findings', rounded; and the report says how to get it again."""

import re
from dataclasses import replace

import pytest

from made_up_trial import bloods, one_record
from opsonin.analysis import Finding, Findings, analyse
from opsonin.record import TrialRecord
from opsonin.report import words
from opsonin.report.believing import looked_at
from opsonin.report.chapters.methods import chapter as methods
from opsonin.report.chapters.summary import found
from opsonin.report.context import Context
from opsonin.report.figures.biomarkers import screened
from opsonin.report.groups import grouped
from report.make_record import arms_only, small_trial

# what a line begins with, and the names of the findings that its numbers may come from
SOURCES = (
    (r"Maximum tolerated dose|No dose", r"safety\.(mtd|dlt_rate)|design\.mtd_selected"),
    (r"Adverse events", r"safety\.(any_event|severe_event|event\..*)"),
    (r"Exposure", r"pk\..*\.auc_ratio"),
    (r"Markers|On day", r"immune\..*\.(fold_change|dose_trend)"),
    (r"Objective response|Responses by indication", r"basket\.response_rate|response\.(objective_rate|best\.SD)"),
    (r"Overall survival|Progression-free|Time to", r"survival\..*\.(median|hazard_ratio|logrank)"),
    (r".* and (OS|PFS|response)", r"biomarker\..*"),
)
NUMBER = re.compile(r"(?<![\w.])−?\d[\d,]*(?:\.\d+)?(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?(?![\w])")


def unnamed(text: str, context: Context) -> str:
    """The line without names that hold digits: levels, markers, drugs, days."""
    record = context.record
    names = {str(name) for name in context.groups.labels} | {str(n) for n in context.questions.get("level_names") or []}
    for table, column in (("measurements", "marker"), ("concentrations", "analyte"), ("exposures", "agent")):
        names |= {str(name) for name in getattr(record, table)[column].dropna().unique()}
    names |= {f.name.rpartition(".")[2] for f in context.named("safety.event")}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(re.escape(name), "·", text, flags=re.IGNORECASE)
    text = text.replace(words.NBSP, " ").replace("grade 3", "·").replace("p < 0.05", "·").replace("p < 0.001", "·")
    return re.sub(r"day −?\d+", "·", text)


def written(findings) -> set[str]:
    """Every way in which a finding's numbers may stand in a sentence."""
    out = set()
    for f in findings:
        survival = f.name.startswith("survival.")
        for value in (f.estimate, f.lower, f.upper):
            if not words.missing(value):
                scales = (value, value / 30.4375, abs(1 - value)) if survival else (value,)  # days, months, "lower by"
                for whole in (True, False):
                    out |= {words.number(scaled, whole=whole) for scaled in scales}
                    out |= {words.share(scaled, whole=whole) for scaled in scales if abs(scaled) <= 1}
        out |= {words.number(f.p, 2)} if not words.missing(f.p) else set()
        out |= {f"{int(count):,}" for count in (f.n, f.events) if not words.missing(count)}
    return {text.removesuffix(f"{words.NBSP}%") for text in out}


def strange(record, findings, told=None) -> list[tuple[str, str]]:
    """Numbers of the summary (made from `told`, else from `findings`) that no finding has, with their lines."""
    context = Context(record, findings, grouped(record))
    lines = found(Context(record, told, grouped(record)) if told else context)
    assert len(lines) >= 2
    out = []
    for begin, rest in lines:
        source = next(names for pattern, names in SOURCES if re.match(pattern, begin))
        own = [f for f in findings if re.fullmatch(source, f.name)]
        allowed = written(own)
        if source.startswith("biomarker"):  # how many were examined, and of how many the strongest is held against
            allowed |= {str(len(screened(findings))), *(looked_at(f) for f in own if f.name.endswith("believability"))}
        if source.startswith("immune"):  # how many markers were tested on a day, and how many of them moved
            tests = [f for f in own if f.name.endswith(".dose_trend") and not words.missing(f.p)]
            for day in {f.group for f in tests}:
                mine = [f for f in tests if f.group == day]
                allowed |= {str(len(mine)), str(sum(f.p < 0.05 for f in mine))}
        if source.startswith("survival"):
            ratios = [f for f in own if f.name.endswith(".hazard_ratio")]
            allowed |= {str(len(context.groups.labels)), *(str(k) for k in range(len(ratios) + 1))}
        said = NUMBER.findall(unnamed(f"{begin} {rest}", context))
        assert said, f"a line without a number: {begin} {rest}"
        out += [(number, f"{begin} {rest}") for number in said if number not in allowed]
    return out


def test_the_check_itself_finds_numbers_that_no_finding_has():
    record = small_trial()
    findings = analyse(record)
    off = 2.37
    wrong = [
        f if f.name == "safety.mtd" else replace(f, estimate=off * f.estimate, lower=off * f.lower, upper=off * f.upper)
        for f in findings
    ]
    lines = {line.partition(" ")[0] for _, line in strange(record, findings, wrong)}
    assert lines >= {"Adverse", "Exposure,", "Markers", "HLA-DR+"}
    assert lines & {"Overall", "Progression-free"}


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_the_summary_of_arms_gives_the_findings_numbers(groups):
    record = arms_only(groups)
    assert not strange(record, analyse(record))


def test_the_summary_of_an_invented_trial_gives_the_findings_numbers():
    record = small_trial()
    assert not strange(record, analyse(record))


def test_the_summary_of_an_escalation_with_replicates_gives_the_findings_numbers():
    from made_up_trial import QUESTIONS, escalation
    from opsonin.record import Manifest, Replicates

    record = one_record(effect=-0.6)
    subjects = record.subjects
    blood = bloods(subjects["subject_id"], subjects["level"], with_imatinib=False)
    replicates = Replicates(escalation(60, effect=-0.6), Manifest(kind="virtual", questions=QUESTIONS))
    assert not strange(record, analyse(record, replicates, {"imatinib": TrialRecord({"subjects": subjects} | blood)}))


@pytest.mark.slow
def test_the_summary_of_a_simulated_study_gives_the_findings_numbers(tmp_path):
    from opsonin.study import Study, bundled
    from opsonin.study.library import read

    path = tmp_path / "small.toml"
    path.write_text(re.sub(r"pool = 2000", "pool = 60", read(bundled()["imatinib-il2"])))
    run = Study.load(path).run(seed=5, trials=5, threads=1)
    assert not strange(run.record, run.findings)


@pytest.mark.parametrize(
    ("study", "source", "said"),
    [
        ('file = "one.csv"\n[subjects]\n', "here", ["DATA --map map.toml --seed 4", "# DATA: one.csv", "# map.toml"]),
        ('[[subjects]]\nfile = "a.csv"\n[survival.OS]\nfile = "b.csv"\n', "here", ["the folder of a.csv and b.csv"]),
        (None, "CDISC files: adsl.xpt", ["analyse DATA --seed 4 --out", "# DATA: the folder of the files named below"]),
        (None, "here", ["analyse record --seed 4 --out", "# record: the folder of its tables"]),
    ],
)
def test_a_real_record_says_how_to_get_the_report_again(study, source, said):
    record = arms_only()
    record.manifest.study, record.manifest.source, record.manifest.seed = study, source, 4
    blocks = methods(Context(record, [], grouped(record))).blocks
    (again,) = [block.text for block in blocks if getattr(block, "title", "") == "How to reproduce"]
    for words_there in said:
        assert words_there in again
    titles = [getattr(block, "title", "") for block in blocks]
    assert ("The mapping file" in titles) == (study is not None)


def test_a_p_that_more_permutations_could_lower_is_an_upper_limit():
    record = arms_only()
    findings = Findings(
        [
            Finding(
                "biomarker.OS.blood TMB.hazard_ratio", "all", 1.5, 1.4, 1.65, 0.95, 0.002, 240, 120,
                note="No permutation is as strong: p is the smallest that 499 of them can give.",
            )
        ]
    )  # fmt: skip
    assert "p ≤ 0.0020." in found(Context(record, findings, grouped(record)))[-1][0]


def test_each_method_stands_once_whatever_was_counted():
    record = arms_only()
    findings = analyse(record)
    assert len({f.method for f in findings if f.method.endswith("still at risk")}) > 3
    blocks = methods(Context(record, findings, grouped(record))).blocks
    (table,) = [block for block in blocks if getattr(block, "title", "") == "Methods and references"]
    told = [(row[1], row[2]) for row in table.rows]
    assert len(told) == len(set(told))
    assert not [method for method, _ in told if "still at risk" in method]
