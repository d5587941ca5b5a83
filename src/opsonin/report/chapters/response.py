"""Chapter 6: best response, tumour size over time, survival."""

from dataclasses import replace

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Table
from opsonin.report.context import Context, findings_table, pivot, remarks
from opsonin.report.figures import competing, response, survival, swimmer
from opsonin.report.figures.base import Figure

NAME, TITLE = "response", "Response and survival"
RATES = {
    "objective_rate": "objective response",
    "objective_rate_evaluable": "… of evaluable",
    "objective_rate_confirmed": "… confirmed",
    "disease_control_rate": "disease control",
}
TESTS = {
    "logrank": "log-rank test",
    "gray": "Gray's test",
    "max_combo": "max-combo test",
    "proportional_hazards": "test of proportional hazards",
    "restricted_mean_difference": "difference of restricted means",
    "subdistribution_ratio": "subdistribution hazard ratio",
}
GROWTH = {
    "growth_rate": "growth a day",
    "shrinkage_rate": "shrinkage a day",
    "doubling_time": "doubling time",
    "early_shrinkage_rate": "shrunk by 20 % at week 8",
}


def chapter(context: Context) -> Chapter:
    """Response figures where lesions or responses are known; a curve for every endpoint."""
    record, groups = context.record, context.groups
    if record.responses.empty and record.survival.empty and record.lesions.empty:
        return Chapter(NAME, TITLE, absent="The record holds neither tumour assessments nor times to event.")
    drawn = [
        response.composition(record, groups),
        response.waterfall(record, groups),
        response.spider(record, groups),
        swimmer.swimmer(record, groups),
        *(_curves(context, endpoint) for endpoint in survival.endpoints(record)),
        *(competing.incidences(record, groups, endpoint) for endpoint in survival.endpoints(record)),
        survival.hazard_ratios(context.named("survival"), groups),
    ]
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    blocks += [table for table in _numbers(context) if table is not None]
    blocks += remarks(context, "response", "tumour", "survival")
    return Chapter(NAME, TITLE, blocks, lead=_lead(context))


def _numbers(context: Context) -> list[Table | None]:
    """Rates and medians by group, then contrasts and tests."""
    responses, survivals = context.named("response"), context.named("survival")
    growth = [f for f in context.named("tumour") if f.name.rpartition(".")[2] in GROWTH]
    rates = [f for f in responses if f.name.rpartition(".")[2] in RATES]
    best = [f for f in responses if f.name.startswith("response.best.")]
    medians = [f for f in context.findings if f.name.startswith("survival.") and f.name.endswith(".median")]
    at_times = [f for f in survivals if f.name.rpartition(".")[2].startswith("rate_")]
    drawn = {id(f) for f in [*rates, *best, *medians, *at_times]}
    rest = [f for f in [*responses, *survivals] if id(f) not in drawn]
    labels = context.groups.labels
    shares = [
        pivot(
            f"{words.capital(survival.endpoint_name(context.record, endpoint))} at fixed times",
            [f for f in at_times if f.name.split(".")[1] == endpoint],
            lambda f: f.name.rpartition(".")[2].removeprefix("rate_").replace("_", " "),
            labels,
        )
        for endpoint in dict.fromkeys(f.name.split(".")[1] for f in at_times)
    ]
    return [
        pivot("Response rates", rates, lambda f: RATES[f.name.rpartition(".")[2]], labels),
        pivot(
            "How fast tumours grew and shrank",
            growth,
            lambda f: GROWTH[f.name.rpartition(".")[2]],
            labels,
            "Rates of the sum of diameters and its doubling time: median and quartiles of the patients "
            "whose scans support such a rate; the share with early shrinkage with its exact interval.",
        ),
        pivot("Best overall response", best, lambda f: f.name.rpartition(".")[2], labels),
        pivot("Median times", medians, lambda f: f.name.split(".")[1], labels),
        *shares,
        findings_table("Contrasts and tests", rest, _name, folded=len(rest) > 60),
    ]


def _curves(context: Context, endpoint: str) -> Figure | None:
    """The curves of an endpoint, the log-rank test in the caption where there is one."""
    figure = survival.curves(context.record, context.groups, endpoint)
    tests = [f for f in context.findings if f.name == f"survival.{endpoint}.logrank" and words.p_value(f.p)]
    if figure is None or not tests:
        return figure
    return replace(figure, caption=f"{figure.caption} Log-rank test: {words.p_value(tests[0].p)}.")


def _lead(context: Context) -> str:
    record = context.record
    absent = []
    if record.responses.empty:
        absent.append("the record holds no tumour responses")
    elif record.lesions.empty and record.responses["change_from_baseline_percent"].isna().all():
        absent.append("the record holds no lesion sizes, so there is no waterfall and no spider plot")
    if record.exposures.empty:
        absent.append("it holds no doses, so there is no swimmer plot")
    elif context.patients > 80:
        absent.append("the record holds too many patients for a swimmer plot to be readable")
    if record.survival.empty:
        absent.append("the record holds no times to event")
    return " ".join(words.sentence(one) for one in absent)


def _name(finding) -> str:
    topic, _, rest = finding.name.partition(".")
    endpoint, _, measure = rest.partition(".")
    stem, _, last = measure.rpartition(".")
    measure = f"{stem}{'.' * bool(stem)}{TESTS.get(last, last)}"
    said = rest if topic == "response" else f"{endpoint}: {measure}"
    return said.replace("_", " ").replace(".", ", ")
