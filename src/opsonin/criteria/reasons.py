"""Why a visit was judged as it was, in words: the rule, and the measurements it was applied to."""

from __future__ import annotations

import numpy as np

from opsonin.criteria.assessment import Assessment
from opsonin.criteria.lesion_arrays import ABSENT, FURTHER, NOT_EVALUABLE, UNSEEN, WORSE, LesionArrays


def visit_reasons(
    arrays: LesionArrays, judged: Assessment, rules: tuple[str, ...], patient: np.ndarray, visit: np.ndarray
) -> list[str]:
    """One text a visit: "<source>: <rule>. T1 40 mm, T2 24 mm: sum 64 mm; baseline 100, nadir 50 (+28.0 %, +14 mm)"."""
    base = np.nansum(arrays.target.size[:, :, 0], axis=1)
    return [
        ". ".join(part for part in (rules[int(judged.rule[p, v])], _measured(arrays, judged, base[p], p, v)) if part)
        + "."
        for p, v in zip(patient.tolist(), visit.tolist(), strict=True)
    ]


def best_reasons(judged: Assessment, words: tuple[str, ...], confirm: bool) -> list[str]:
    """One text a patient: on which day the best response was reached, and whether it was seen again."""
    said = []
    for code, day, again in zip(judged.best, judged.best_day, judged.best_confirmed, strict=True):
        word = words[int(code)]
        if word == "NE":
            said.append("nothing that counts as a response before progression or the end of visits.")
            continue
        seen = ""
        if word.lstrip("i") in ("CR", "PR"):
            seen = ", confirmed" if again else ", not seen again in time: the criteria here do not ask for it"
        elif confirm and word.lstrip("i") == "SD":
            seen = "; an unconfirmed response counts as stable disease"
        said.append(f"{word} of day {day:g}{seen}.")
    return said


def _measured(arrays: LesionArrays, judged: Assessment, baseline: float, p: int, v: int) -> str:
    parts = [_targets(arrays, judged, baseline, p, v), _others(arrays, p, v)]
    return "; ".join(part for part in parts if part)


def _targets(arrays: LesionArrays, judged: Assessment, baseline: float, p: int, v: int) -> str:
    names = arrays.target.names[p]
    kept = [k for k, name in enumerate(names) if name]
    if not kept:
        return ""
    sizes = arrays.target.size[p, :, v + 1]
    each = [f"{names[k]} {'not evaluated' if np.isnan(sizes[k]) else f'{sizes[k]:g} mm'}" for k in kept]
    total, nadir = judged.sum_mm[p, v], judged.nadir_mm[p, v]
    whole = "no sum" if np.isnan(sizes[kept]).all() else f"sum {total:g} mm"
    said = f"{', '.join(each)}: {whole}; baseline {baseline:g}, nadir {nadir:g}"
    if nadir > 0 and not np.isnan(judged.change_from_nadir[p, v]):
        said += f" ({total - nadir:+g} mm, {judged.change_from_nadir[p, v]:+.1f} %)"
    return said


def _others(arrays: LesionArrays, p: int, v: int) -> str:
    said = []
    for placed, what in ((arrays.non_target, "non-target"), (arrays.new, "new")):
        state = placed.state[p, :, v + 1]
        told = [k for k, name in enumerate(placed.names[p]) if name and state[k] not in (UNSEEN,)]
        words = {
            ABSENT: "absent",
            WORSE: "unequivocal progression",
            FURTHER: "further increase",
            NOT_EVALUABLE: "not evaluable",
        }
        each = []
        for k in told:
            size = placed.size[p, k, v + 1]
            here = words.get(int(state[k]), "present" if np.isnan(size) else f"{size:g} mm")
            each.append(f"{placed.names[p][k]} {here}")
        if each:
            said.append(f"{what} {', '.join(each)}")
    return "; ".join(said)
