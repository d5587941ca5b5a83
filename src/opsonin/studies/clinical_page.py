"""The page of the docs that sets published outcomes beside simulated ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from opsonin.studies.clinical_targets import Compared, Missing

EVENTS = "grade3plus_trae_rate"
WORST = 5
CAPITALS = ("os", "pfs", "sld", "trae", "crs", "efs", "cr", "vdt")
UNITS = {"percent": "%", "months": "months", "ratio": "", "days": "days", "mm": "mm", "fraction": ""}

PAGE = """# Published outcomes beside simulated ones

Made by `python -m opsonin.studies.clinical_targets TABLE.csv --patients {patients} --seed {seed}`: so many virtual
patients of each indication under each treatment, followed for 61 months, with scans every 8 weeks or as the trial made
them. What a scan shows happened since the one before, so that the interval of a time told by scans reaches back by one.
A class of drugs is represented by pembrolizumab. Published figures are those of a table of {total} rows, which says how
each is known; those that are from memory and wait to be looked up are marked with †. In brackets: the published 95 %
interval (with * worked out from the number of patients), and the middle 95 % of simulated trials as large as the
published one, the pool's Monte Carlo error included. Where these overlap, or, where the publication gives no interval,
where the published value lies in the simulated one, the row agrees.

*Calibrated* rows are figures that parameters were set to meet, or set from, by `targets.toml`, `calibrate.toml` and
`clinical_pools.toml` in `src/opsonin/studies`; *predicted* ones were not used for that.{against}
Some predicted rows are of a trial so like a calibrated one (POPLAR beside OAK) that the model gives one figure for
both; they say that two trials agree. Severe events of checkpoint antibodies have one hazard in all cancers, fitted to
their mean. The second line of the table leaves both kinds out.
Predicted rows are no blind predictions either: published figures, theirs among them, had been seen while the model was
fitted, and some of its numbers were chosen by hand with them in view ([what is fitted](indications.md)).

{lead}{summary}

{worst}

## Row by row

{tables}

## Rows that are not represented

{missing}
"""


def page(
    rows: Sequence[Compared], missing: Sequence[Missing], causes: Mapping[str, str], patients: int, seed: int
) -> str:
    """The whole page.   causes: row → why it disagrees."""
    return PAGE.format(
        seed=seed,
        patients=patients,
        total=len(rows) + len(missing),
        against=_against(rows, missing),
        lead=lead(rows),
        summary=summary(rows, missing),
        worst=worst(rows, causes),
        tables="\n\n".join(_tables(rows)) or "No row is represented yet.",
        missing=_missing(missing),
    )


def _against(rows: Sequence[Compared], missing: Sequence[Missing]) -> str:
    """Rows that the table would have predicted, but that were calibrated to."""
    from opsonin.studies.clinical_targets import calibrated_rows

    known = calibrated_rows()
    found = [one.target.id for one in (*rows, *missing) if one.target.suggested_use == "predict"]
    used = [name for name in found if name in known]
    if not used:
        return ""
    return f" The table suggests to predict {', '.join(used)}, which parameters had been set by before it was made."


def lead(rows: Sequence[Compared]) -> str:
    """What the table says first, in one sentence; empty without predicted rows."""
    own = [row for row in rows if not row.calibrated]
    if not own:
        return ""
    return (
        f"Of the predicted rows the published value lies inside the simulated interval in {_share(_inside(own), own)}; "
        f"in {_share(sum(row.overlaps for row in own), own)} the two intervals overlap, which asks less.\n\n"
    )


def _inside(rows: Sequence[Compared]) -> int:
    return sum(row.lower <= row.target.value <= row.upper for row in rows)


def summary(rows: Sequence[Compared], missing: Sequence[Missing]) -> str:
    """How many rows there are, how many agree, and how far off they are."""
    lines = ["| | rows | published value inside the simulated interval | intervals overlap | median error |"]
    lines.append("|---|---|---|---|---|")
    predicted, fitted = ([row for row in rows if row.calibrated is one] for one in (False, True))
    met = {_same(row) for row in fitted}
    apart = [row for row in predicted if _same(row) not in met]
    for name, own in (
        ("predicted", predicted),
        ("– of these, not met with a calibrated one", apart),
        ("calibrated", fitted),
    ):
        overlap = sum(row.overlaps for row in own)
        lines.append(
            f"| {name} | {len(own)} | {_share(_inside(own), own)} | {_share(overlap, own)} | {_median_error(own)} |"
        )
    lines.append(f"| not represented | {len(missing)} | | | |")
    return "\n".join(lines)


def _same(row: Compared) -> tuple[str, str, str]:
    """What tells a simulated figure: two rows alike in this are one answer of the model to two trials.

    Events of a checkpoint's block have one hazard in every cancer, which was fitted to the mean over all of them.
    """
    if row.target.quantity == EVENTS:
        return "", EVENTS, ""
    return row.target.indication, row.target.quantity, number(row.value)


def worst(rows: Sequence[Compared], causes: Mapping[str, str]) -> str:
    """The predicted rows that are furthest off, for the width of their intervals, with the likely cause."""
    off = sorted((row for row in rows if not row.calibrated and not row.overlaps), key=lambda row: -row.distance)
    if not off:
        return "No predicted row disagrees."
    lines = [f"The {'worst ' if len(off) > WORST else ''}predicted rows that disagree:", ""]
    for row in off[:WORST]:
        why = causes.get(row.target.id, "not explained yet")
        target = row.target
        lines.append(
            f"- {target.id}, {words_of(target.quantity)} of {target.treatment} in {target.indication}: published "
            f"{number(target.value)}, simulated {number(row.value)}; {why}."
        )
    return "\n".join(lines)


def _tables(rows: Sequence[Compared]) -> Iterable[str]:
    for indication in dict.fromkeys(row.target.indication for row in rows):
        lines = [f"### {indication[0].upper()}{indication[1:]}", ""]
        lines += [
            "| row | treatment, setting | quantity | published | simulated | | agrees |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in rows if row.target.indication == indication]
        yield "\n".join(lines)


def _line(row: Compared) -> str:
    target = row.target
    unit = UNITS.get(target.unit, target.unit)
    mark = "†" if "from memory" in target.how_known else ""
    published = f"{number(target.value)}{_between(target.lower, target.upper, '*' if target.computed else '')} {unit}"
    simulated = f"{number(row.value)}{_between(row.lower, row.upper)} {unit}"
    cells = (
        f"{target.id}{mark}",
        f"{target.treatment}; {target.setting}",
        words_of(target.quantity),
        published.strip(),
        simulated.strip(),
        "calibrated" if row.calibrated else "predicted",
        "yes" if row.overlaps else "**no**",
    )
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _missing(missing: Sequence[Missing]) -> str:
    by_reason: dict[str, list[str]] = {}
    for one in missing:
        by_reason.setdefault(one.why, []).append(one.target.id)
    ordered = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = ["| why | rows | |", "|---|---|---|"]
    lines += [f"| {why.replace('|', '/')} | {len(ids)} | {', '.join(ids)} |" for why, ids in ordered]
    return "\n".join(lines)


def words_of(quantity: str) -> str:
    """A quantity's name in words: "os_rate_24m" → "OS rate at 24 months"."""
    parts = quantity.split("_")
    said = [word.upper() if word in CAPITALS else word for word in parts]
    said = [f"{word[:-1]} months" if re.fullmatch(r"\d+m", word) else word for word in said]
    kept = [word for k, word in enumerate(said) if word != "months" or parts[k - 1].isdigit()]
    if re.fullmatch(r"\d+ months", kept[-1]) and kept[-2] != "at":
        kept.insert(-1, "at")
    return " ".join(kept)


def number(value: float) -> str:
    """Three significant digits; "not reached" for what is never reached."""
    return "not reached" if np.isinf(value) else f"{float(f'{value:.3g}'):g}"


def _between(low: float, high: float, mark: str = "") -> str:
    if np.isnan(low) and np.isnan(high):
        return ""
    return f" ({'…' if np.isnan(low) else number(low)}–{'…' if np.isnan(high) else number(high)}){mark}"


def _share(count: int, of: Sequence[Compared]) -> str:
    return f"{count} of {len(of)} ({100 * count / len(of):.0f} %)" if of else "–"


def _median_error(rows: Sequence[Compared]) -> str:
    rates = [row.error for row in rows if row.target.is_rate]
    others = [row.error for row in rows if not row.target.is_rate]
    said = []
    if rates:
        said.append(f"{np.median(rates):.1f} percentage points ({len(rates)} {'rate' if len(rates) == 1 else 'rates'})")
    if others:
        said.append(
            f"× {np.median(others):.2f} ({len(others)} {'time or ratio' if len(others) == 1 else 'times and ratios'})"
        )
    return "; ".join(said) or "–"
