"""What the markers did, in a sentence for the first page: over all patients, or arm by arm where arms differ."""

import math
from typing import Any

from opsonin.report import words
from opsonin.report.context import Context, value_of
from opsonin.report.figures.immune import day_of_test, monitored, trends

MANY_ARMS = 5  # more than so many are not named one by one


def immune(context: Context) -> list[tuple[str, str]]:
    """Which markers fell and rose on the day of the largest changes, and which of them with dose; arm by arm."""
    rows = monitored(context.record, context.groups)
    if rows.empty:
        return []
    day = day_of_test(rows)
    tests = {name: f for name, f in trends(list(context.findings), day).items() if not words.missing(f.p)}
    moved = _moved_by_arm(context, day) if _arms_differ(context) else _moved(context, day)
    if not tests and not moved:
        return []
    begin = f"Markers on {words.protocol_day(day)}, × baseline:" if moved else f"On {words.protocol_day(day)}:"
    return [(begin, words.ended("; ".join([*moved, *_with_dose(tests)])))]


def _arms_differ(context: Context) -> bool:
    """Whether groups were treated differently, so that a change over all of them is nobody's."""
    groups = context.groups
    return not (groups.ordered or groups.single or groups.noun == "indication")


def _moved_by_arm(context: Context, day: float) -> list[str]:
    """Each arm's largest fall and rise; of three arms and more the larger one; of many the three that move most."""
    labels = context.groups.labels
    each = {name: _clear(context, day, name) for name in labels}
    if not any(known for known in each.values()):
        return []
    shown = [name for name in labels if each[name]]
    if len(labels) > MANY_ARMS:
        shown = sorted(shown, key=lambda name: -_size(each[name][0][1]))[:3]
    told = []
    for name in shown:
        few = each[name][:1] if len(labels) > 2 else _largest_each_way(each[name])
        told.append(f"with {name} {words.listed(_change(marker, f) for marker, f in few)}")
    still = [name for name in labels if not each[name]]
    if still and len(labels) <= MANY_ARMS:
        told.append(f"with {words.listed(still)} none moved beyond chance")
    return told


def _size(finding: Any) -> float:
    return abs(math.log(max(float(finding.estimate), 1e-12)))


def _change(marker: str, finding: Any) -> str:
    verb = "rose" if float(finding.estimate) > 1 else "fell"
    return f"{marker} {verb} most, {value_of(finding, with_unit=False)}"


def _largest_each_way(clear: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Of what moved, largest first: the first that fell and the first that rose, in their order."""
    ways = [float(f.estimate) > 1 for _, f in clear]
    return [item for k, item in enumerate(clear) if ways.index(ways[k]) == k]


def _clear(context: Context, day: float, group: str) -> list[tuple[str, Any]]:
    """(marker, fold change) of a group on a day whose interval excludes no change, the largest first."""
    when = words.protocol_day(day).replace(words.MINUS, "-")
    found = []
    for f in context.named("immune"):
        who, _, then = str(f.group).rpartition(", ")
        if not f.name.endswith(".fold_change") or then != when or not (who == group or context.groups.single):
            continue
        if not words.missing(f.lower) and not words.missing(f.upper) and (float(f.lower) > 1 or float(f.upper) < 1):
            found.append((f.name.removeprefix("immune.").removesuffix(".fold_change"), f))
    return sorted(found, key=lambda item: -_size(item[1]))


def _moved(context: Context, day: float) -> list[str]:
    """The two largest falls and rises over all patients whose interval excludes no change."""
    clear = _clear(context, day, "all")
    told = []
    for verb, way in (
        ("fell", [item for item in clear if float(item[1].estimate) < 1]),
        ("rose", [item for item in clear if float(item[1].estimate) > 1]),
    ):
        named = [f"{name} {value_of(f, with_unit=False)}" for name, f in way[:2]]
        told += [f"{words.listed(named)} {verb} most"] if named else []
    return told


def _with_dose(tests: dict[str, Any]) -> list[str]:
    """Which of the markers change with dose, beyond chance."""
    moving = sorted((item for item in tests.items() if float(item[1].p) < 0.05), key=lambda item: float(item[1].p))
    if not tests:
        return []
    if not moving:
        return [f"none of {len(tests)} markers changes with dose beyond chance (p < 0.05)"]
    named = [f"{name} ({'falling' if float(f.estimate) < 0 else 'rising'}, {words.p_value(f.p)})" for name, f in moving]
    return [f"{len(moving)} of {len(tests)} change with dose: {words.listed(named[:4])}"]
