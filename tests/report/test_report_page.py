"""The page: whole, offline, escaped, the same bytes each time; absent chapters say why; the summary is true."""

import html
import json
import re
import time
from html.parser import HTMLParser

import pytest

from opsonin.analysis import Findings, analyse
from opsonin.errors import ReportError
from opsonin.record import Manifest, TrialRecord
from opsonin.report import write_report
from opsonin.report.believing import believed
from opsonin.report.chapters.summary import found
from opsonin.report.context import Context
from opsonin.report.groups import grouped
from opsonin.report.mathml import mathml
from opsonin.report.verdicts import hazard, interaction
from opsonin.report.write import chapters_of, render
from report.make_record import LATEX, arms_only, small_findings, small_trial


@pytest.fixture(scope="module")
def page() -> str:
    return render(small_trial(), small_findings(), 1000)


def words_of(page: str) -> str:
    """The words a reader sees, without scripts and styles."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bare)).replace("\u00a0", " "))


def test_the_summary_says_what_was_asked_and_found(page):
    text = words_of(page)
    for said in (
        "Which dose of interleukin-2 is tolerated: 3 MIU, 6 MIU, 9 MIU or 12 MIU, by the 3+3 design?",
        "Maximum tolerated dose: interleukin-2 6 MIU. 1 of 6 patients had a dose-limiting toxicity there, 2 of 6",
        "over 1,000 replicate trials it is chosen in 58.0 % (55.0–61.0 %)",
        "imatinib × 1.38 (1.27–1.51)",
        "Objective response in 0 of 17 (0 %, interval 0–19.5 %).",
        "Does HLA-DR+ NK on day 15 go with PFS and OS?",
        "Treat an expansion cohort at interleukin-2 6 MIU",
    ):
        assert said in text


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_the_summary_leaves_out_no_arms_responses(groups):
    record = arms_only(groups)
    findings = analyse(record)
    said = [f"{text} {rest}" for text, rest in found(Context(record, findings, grouped(record)))]
    told = [line for line in said if line.startswith("Objective response")]
    assert len(told) == (2 if groups == 2 else 1)
    for letter in "ABCD"[:groups]:
        rate = findings.get("response.objective_rate", f"arm {letter}")
        assert any(f"with arm {letter} in {rate.events} of {rate.n} (" in line for line in told)


def test_every_chapter_has_its_place_in_the_contents(page):
    chapters = ["summary", "trial", "safety", "pharmacokinetics", "immune", "response", "biomarkers", "methods"]
    assert re.findall(r'<a href="#(\w+)">', page) == chapters
    assert re.findall(r'<section class="chapter[^"]*" id="(\w+)">', page) == chapters


def test_the_page_needs_no_network(page):
    found: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name in ("src", "href") and value and value[0] != "#")

    bare = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    Links().feed(bare)
    assert [link for link in found if not link.startswith("data:")] == []
    assert "@import" not in page.split("</style>")[0]


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    one = write_report(small_trial(), small_findings(), tmp_path / "one.html", 1000).read_bytes()
    other = write_report(small_trial(), small_findings(), tmp_path / "two.html", 1000).read_bytes()
    assert one == other


def test_markup_in_titles_and_terms_is_shown_and_not_obeyed():
    page = render(small_trial(hostile=True), small_findings(), 10)
    bare = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "<img src=x" not in bare
    assert "<script>alert" not in bare
    assert "&lt;img src=x onerror=alert(1)&gt;" in bare
    assert "fever <script>alert('x')</script> & <b>chills</b>" in html.unescape(bare)


def test_each_figure_brings_its_values_for_download(page):
    drawings = re.findall(r'id="drawing-([^"]+)">(.*?)</script>', page, flags=re.DOTALL)
    values = dict(re.findall(r'id="values-([^"]+)">(.*?)</script>', page, flags=re.DOTALL))
    assert len(drawings) >= 17
    for name, drawing in drawings:
        assert json.loads(drawing)["data"]
        table = json.loads(values[name])
        assert table["rows"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_chapters_without_data_say_why_in_one_line():
    absent = {chapter.name: chapter.absent for chapter in chapters_of(arms_only(), [])}
    assert absent["safety"] == "The record holds no adverse events, so nothing can be said about safety."
    assert absent["pharmacokinetics"] == "The record holds no drug concentrations, so no exposure can be computed."
    assert "measured once" in absent["immune"]
    assert not absent["response"]
    assert not absent["biomarkers"]


def test_a_record_of_nothing_but_subjects_still_makes_a_page():
    import pandas as pd

    record = TrialRecord({"subjects": pd.DataFrame({"subject_id": ["a", "b"]})}, Manifest(title="Two patients"))
    text = words_of(render(record, []))
    assert "What happened to two patients?" in text
    assert "Nothing could be estimated from this record" in text


def test_rows_left_out_are_reported():
    text = words_of(render(arms_only(), []))
    assert "Rows left out: 2" in text
    assert "no time" in text


def test_real_findings_read_as_sentences():
    record = small_trial()
    text = words_of(render(record, analyse(record)))
    assert re.search(r"imatinib × 1\.2\d \([\d.]+–[\d.]+\) with interleukin-2, raised", text)
    assert "data sets with patients permuted" in text
    assert not re.search(r"\b(nan|inf|None|NaT|<NA>)\b", text)


def test_two_arms_are_compared_against_the_reference():
    record = arms_only()
    text = words_of(render(record, analyse(record)))
    assert "How do arm A and arm B compare?" in text
    assert re.search(r"Overall survival: hazard ratio [\d.]+ \([\d.]+–[\d.]+\), p [=<] [\d.]+ \(arm B vs arm A\)", text)


def test_findings_read_back_from_disk_still_make_a_report(tmp_path):
    record = small_trial()
    saved = Findings.load(analyse(record).save(tmp_path / "findings.json"))
    assert write_report(record, saved, tmp_path / "report.html").stat().st_size > 1_000_000


def test_an_unwritable_place_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(arms_only(), [], tmp_path / "file" / "report.html")


def test_a_report_is_written_in_under_three_seconds(tmp_path):
    record, findings = small_trial(), small_findings()
    write_report(record, findings, tmp_path / "first.html")
    start = time.process_time()
    write_report(record, findings, tmp_path / "second.html")
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (0.9, 1.1, "no relevant change"),
        (1.3, 1.6, "relevantly raised"),
        (0.5, 0.7, "relevantly lowered"),
        (1.05, 1.4, "raised, though perhaps by less"),
        (0.7, 0.95, "lowered, though perhaps by less"),
        (0.7, 1.4, "undecided"),
        (float("nan"), 1.4, "no interval"),
    ],
)
def test_verdicts_on_exposure_follow_the_interval(lower, upper, said):
    from opsonin.analysis import Finding

    assert said in interaction(Finding("pk.x.auc_ratio", estimate=1.0, lower=lower, upper=upper))


def test_verdicts_on_hazards_follow_the_interval():
    from opsonin.analysis import Finding

    def told(estimate, lower, upper):
        return hazard(Finding("survival.OS.hazard_ratio", estimate=estimate, lower=lower, upper=upper))

    assert told(0.729, 0.618, 0.859).startswith("the hazard is lower by 27.1")
    assert told(0.938, 0.812, 1.083) == "the interval includes no difference"
    assert told(4.92, 3.08, 7.85).startswith("the hazard is 4.92 times as high")
    assert told(0.8, 0.3, 2.1) == "the interval is too wide to say which way it goes"


def test_what_chance_makes_is_not_believed():
    from opsonin.analysis import Finding

    name = "biomarker.PFS.NK.hazard_ratio"
    strong = Finding(name, "all", 0.4, 0.2, 0.8, 0.95, 0.01, 17, 14)
    seldom = Finding(f"{name}.believability", estimate=0.004, n=1000, unit="proportion")
    luck = Finding(f"{name}.replication", estimate=0.03, n=1000, unit="proportion")
    record = small_trial()

    def told(*findings):
        return believed(Context(record, findings, grouped(record)))[0][1]

    assert told(strong, seldom).startswith("worth confirming")
    assert told(strong, seldom, luck).startswith("probably luck")
    assert told(strong, Finding(f"{name}.believability", estimate=0.31, n=1000)).startswith("do not build on it")
    looked = Finding(f"{name}.believability", estimate=0.31, n=1000, method="strongest association of 120 (score …)")
    assert told(strong, looked).startswith("a lead to test afresh, no finding. Hazard ratio 0.400 (0.200–0.800)")
    assert "31 % show one this strong among the 120 associations looked at" in told(strong, looked).replace("\xa0", " ")


def test_equations_become_mathml():
    out = mathml(LATEX)
    assert out.startswith("<math")
    assert "<mfrac>" in out
    assert "<msup><mi>e</mi>" in out
    assert '<mi mathvariant="normal">drug</mi>' in out
    assert mathml(r"\begin{cases} 1 & \text{for}\: x \geq 2 \\ 0 & \text{otherwise} \end{cases}").count("<mtr>") == 2
    assert "<mn>0.6931</mn>" in mathml(r"\frac{0.693147180559945}{\mathrm{half\ life}}")


def test_what_cannot_be_typeset_is_shown_as_it_is():
    assert mathml(r"\unknown{x} < 1") == r'<code class="latex">\unknown{x} &lt; 1</code>'
    assert mathml(r"\frac{1}{") == r'<code class="latex">\frac{1}{</code>'


@pytest.mark.parametrize("table", sorted(set(small_trial().tables) - {"subjects", "products"}))
def test_a_record_without_one_table_still_reports_the_rest(table):
    whole = small_trial()
    record = TrialRecord({name: frame for name, frame in whole.tables.items() if name != table}, whole.manifest)
    chapters = chapters_of(record, analyse(record))
    assert sum(len(chapter.figures) for chapter in chapters) >= 8
    assert len(render(record, small_findings())) > 1_000_000


def test_a_record_whose_optional_columns_are_all_missing_still_reports():
    from opsonin.record import TABLES

    whole = small_trial()
    bare = {}
    for name, frame in whole.tables.items():
        optional = [column.name for column in TABLES[name].columns if column.optional]
        bare[name] = frame.drop(columns=optional)
    record = TrialRecord(bare, Manifest(title="bare"))
    text = words_of(render(record, analyse(record)))
    assert "17 patients" in text
    assert not re.search(r"\b(nan|None|NaT|<NA>)\b", text)
