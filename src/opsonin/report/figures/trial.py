"""Figures of chapter 2: where the patients went, the path of the dose, and how the design behaves over replicates."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter
from opsonin.report.groups import Groups, level_names, shared_words, short_names

MILESTONES = (
    ("enrolled", "enrolled"),
    ("first dose", "received a first dose"),
    ("DLT-evaluable", "evaluable for dose-limiting toxicity"),
    ("replaced", "replaced"),
    ("off treatment", "off treatment"),
    ("off study", "off study"),
    ("death", "died"),
)


def flow(record: Any, groups: Groups) -> Figure | None:
    """Bars of how many patients reached each milestone, with the reasons for leaving treatment beneath."""
    reached = _milestones(record)
    if reached.empty:
        return None
    plot = Canvas(60 + 30 * len(reached))
    inner = reached["reason"] != ""
    names = [
        f"<i>{wrapped(reason, 44)}</i>" if reason else f"<b>{words.plot_text(name)}</b>"
        for name, reason in zip(reached["milestone"], reached["reason"], strict=True)
    ]
    places = list(range(len(reached)))
    plot.add_trace(
        bar(
            x=reached["patients"],
            y=places,
            orientation="h",
            marker={"color": [palette.PALE if is_reason else palette.BLUE for is_reason in inner]},
            text=reached["patients"],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{customdata}: %{x} patients<extra></extra>",
            customdata=[reason or name for name, reason in zip(reached["milestone"], reached["reason"], strict=True)],
        )
    )
    plot.update_yaxes(tickvals=places, ticktext=names, autorange="reversed", showgrid=False, showline=False, ticks="")
    plot.update_xaxes(visible=False, range=[0, reached["patients"].max() * 1.12])
    plot.update_layout(margin={"l": 20, "r": 20, "t": 10, "b": 10})
    return Figure(
        "trial-flow",
        "How many patients reached each step, and why they left treatment",
        _flow_caption(reached),
        plot,
        reached,
    )


def _milestones(record: Any) -> pd.DataFrame:
    disposition = record.disposition
    rows: list[tuple[str, str, int]] = []
    if disposition.empty:
        return pd.DataFrame(columns=["milestone", "reason", "patients"])
    for milestone, _ in MILESTONES:
        part = disposition[disposition["milestone"] == milestone]
        patients = part["subject_id"].nunique()
        if milestone == "enrolled":
            patients = max(patients, record.subjects["subject_id"].nunique())
        if not patients:
            continue
        rows.append((dict(MILESTONES)[milestone], "", int(patients)))
        if milestone in ("off treatment", "replaced", "off study", "death"):
            reasons = part.drop_duplicates("subject_id")["reason"].dropna().value_counts()
            reasons = reasons[reasons.index.astype(str) != ""]
            ranked = sorted(reasons.items(), key=lambda item: (-item[1], str(item[0])))
            rows += [(dict(MILESTONES)[milestone], str(reason), int(n)) for reason, n in ranked[:8]]
    return pd.DataFrame(rows, columns=["milestone", "reason", "patients"])


def _flow_caption(reached: pd.DataFrame) -> str:
    whole = reached[reached["reason"] == ""].set_index("milestone")["patients"]
    parts = [f"{words.counted(int(whole.iloc[0]), 'patient')} {whole.index[0]}"]
    reasons = reached[(reached["milestone"] == "off treatment") & (reached["reason"] != "")]
    if len(reasons):
        first = reasons.iloc[0]
        parts.append(f"the most frequent reason for leaving treatment was {first['reason']} ({first['patients']})")
    return words.sentence("; ".join(parts)) + " Blue bars are steps; grey bars are the reasons given."


def dlt_patients(record: Any) -> set[str]:
    """Patients with an adverse event marked as dose-limiting."""
    events = record.adverse_events
    if events.empty or "dlt" not in events:
        return set()
    return set(events.loc[events["dlt"].fillna(False).astype(bool), "subject_id"].astype(str))


def staircase(record: Any) -> Figure | None:
    """The level of each patient in order of enrolment, dose-limiting toxicities marked.

    None where nothing in the record would tell a toxicity, so that its absence is not drawn as "0/3 DLT".
    """
    if record.adverse_events.empty and record.disposition.empty and record.decisions.empty:
        return None
    subjects = record.subjects
    if "level" not in subjects or subjects["level"].isna().all():
        return None
    subjects = subjects[subjects["level"].notna()].copy()
    if len(subjects) > 120:
        return None
    by = ["enrolled_day", "subject_id"] if subjects.get("enrolled_day") is not None else ["subject_id"]
    subjects = subjects.sort_values([name for name in by if name in subjects], kind="stable")
    named = level_names(record)
    names = {level: named.get(level, f"level {level}") for level in range(1, max(named) + 1)}  # also those skipped
    short = short_names(names.values())
    limiting, judged = dlt_patients(record), evaluable(record)
    rows = pd.DataFrame(
        {
            "patient": range(1, len(subjects) + 1),
            "subject_id": subjects["subject_id"].astype(str).to_numpy(),
            "level": subjects["level"].astype(int).to_numpy(),
        }
    )
    rows["outcome"] = [
        "dose-limiting toxicity"
        if subject in limiting
        else "no dose-limiting toxicity"
        if judged is None or subject in judged
        else "not evaluable"
        for subject in rows["subject_id"]
    ]
    top = max(names)
    plot = Canvas(150 + 46 * top)
    plot.add_trace(
        scatter(
            x=rows["patient"],
            y=rows["level"],
            mode="lines",
            line={"color": palette.PALE, "width": 3, "shape": "hvh"},
            hoverinfo="skip",
        )
    )
    look = {
        "no dose-limiting toxicity": {
            "symbol": "circle",
            "color": "white",
            "line": {"color": palette.BLUE, "width": 2},
        },
        "dose-limiting toxicity": {"symbol": "x", "color": palette.VERMILLION, "line": {"width": 0}},
        "not evaluable": {"symbol": "circle", "color": palette.PALE, "line": {"color": palette.GREY, "width": 1.5}},
    }
    for outcome, marker in look.items():
        part = rows[rows["outcome"] == outcome]
        plot.add_trace(
            scatter(
                x=part["patient"],
                y=part["level"],
                mode="markers",
                marker={"size": 14 if len(rows) < 60 else 8, **marker},
                text=[f"{subject}: {outcome}" for subject in part["subject_id"].map(words.plot_text)],
                hovertemplate="patient %{x}, level %{y}<br>%{text}<extra></extra>",
            )
        )
    for level in range(1, top + 1):
        here = rows[rows["level"] == level]
        if len(here):
            seen = here[here["outcome"] != "not evaluable"]
            told = f"{int((seen['outcome'] == 'dose-limiting toxicity').sum())}/{len(seen)} DLT"
            label(plot, 1.012, level, told, palette.INK, xref="paper")
    plot.update_yaxes(
        tickvals=list(range(1, top + 1)),
        ticktext=[wrapped(short[names[level]], 22) for level in range(1, top + 1)],
        title_text=_shared_words(names) or "dose level",
        range=[0.5, top + 0.5],
    )
    plot.update_xaxes(title_text="patient, in order of enrolment", range=[0.4, len(rows) + 0.6], dtick=_step(len(rows)))
    plot.update_layout(margin={"r": 76})
    key = [
        ("no dose-limiting toxicity", "ring:" + palette.BLUE),
        ("dose-limiting toxicity", "cross:" + palette.VERMILLION),
    ]
    if (rows["outcome"] == "not evaluable").any():
        key.append(("not evaluable", "ring:" + palette.GREY))
    return Figure(
        "trial-staircase",
        "The dose level given to each patient, and where toxicity limited it",
        _staircase_caption(rows, names),
        plot,
        rows,
        key,
    )


def _shared_words(names: dict[int, str]) -> str:
    """What the level names begin with, all of them: the escalating agent."""
    short, any_name = short_names(names.values()), next(iter(names.values()))
    return words.plot_text(shared_words(any_name, short[any_name]))


def _step(count: int) -> int:
    return 1 if count <= 24 else 5 if count <= 60 else 10


def evaluable(record: Any) -> set[str] | None:
    part = record.disposition
    if part.empty:
        return None
    ids = set(part.loc[part["milestone"] == "DLT-evaluable", "subject_id"].astype(str))
    return ids or None


def _staircase_caption(rows: pd.DataFrame, names: dict[int, str]) -> str:
    tried = sorted(rows["level"].unique())
    limiting = rows[rows["outcome"] == "dose-limiting toxicity"]
    short = short_names(names.values())
    names = {level: short[name] for level, name in names.items()}
    begin = (
        f"The dose began at {names[int(rows['level'].iloc[0])]} and reached {names[int(max(tried))]}; "
        f"the last patient was treated at {names[int(rows['level'].iloc[-1])]}."
    )
    if limiting.empty:
        return f"{begin} No patient had a dose-limiting toxicity."
    counts = limiting["level"].value_counts().sort_index()
    where = words.listed(f"{n} at {names[int(str(level))]}" for level, n in counts.items())
    down = " The line goes down where toxicity sent the dose down." if (rows["level"].diff() < 0).any() else ""
    return f"{begin} Dose-limiting toxicities: {where}.{down}"


def chosen_doses(findings: Iterable[Any], record: Any, sought: str = "maximum tolerated dose") -> Figure | None:
    """How often replicate trials choose each level as the dose sought."""
    chosen = [f for f in findings if f.name == "design.mtd_selected" and not words.missing(f.estimate)]
    if not chosen:
        return None
    names = level_names(record)
    order = {name: level for level, name in names.items()}
    chosen.sort(key=lambda f: order.get(str(f.group), 0))
    colours = dict(zip(names.values(), palette.levels(len(names)), strict=True))
    rows = pd.DataFrame(
        {
            "declared": [str(f.group) for f in chosen],
            "share": [float(f.estimate) for f in chosen],
            "lower": [f.lower for f in chosen],
            "upper": [f.upper for f in chosen],
        }
    )
    plot = Canvas(70 + 34 * len(rows))
    places = list(range(len(rows)))
    upper = rows["upper"].astype(float).fillna(rows["share"])
    plot.add_trace(
        bar(
            x=100 * rows["share"],
            y=places,
            orientation="h",
            marker={"color": [colours.get(name, palette.GREY) for name in rows["declared"]]},
            hoverinfo="skip",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (upper - rows["share"]),
                "arrayminus": 100 * (rows["share"] - rows["lower"].astype(float).fillna(rows["share"])),
                "color": palette.INK,
                "thickness": 1.2,
                "width": 4,
            },
        )
    )
    for place, share in zip(places, rows["share"].astype(float), strict=True):
        told = f"<b>{words.share(share, whole=False)}</b>"
        label(plot, 100 * max(share, float(upper.iloc[place])) + 1.5, place, told)
    plot.update_yaxes(
        tickvals=places, ticktext=[wrapped(name, 28) for name in rows["declared"]], showgrid=False, autorange="reversed"
    )
    plot.update_xaxes(title_text="replicate trials that declare it, %", range=[0, max(100 * upper.max() * 1.2, 10)])
    best = rows.iloc[int(rows["share"].argmax())]
    n = chosen[0].n
    many = f"{int(n):,} replicate trials" if not words.missing(n) else "the replicate trials"
    return Figure(
        "trial-operating",
        f"Which dose the design declares as the {sought.removesuffix(' dose')}, over replicate trials",
        f"In {many} of the same study, {best['declared']} is declared most often ({words.share(best['share'])}); "
        "whiskers show the Monte Carlo interval. A flat picture means that one trial of this size cannot tell.",
        plot,
        rows,
    )
