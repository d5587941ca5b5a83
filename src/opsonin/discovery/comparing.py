"""Features of a table between groups of patients: which rows belong to which patient, and which test that allows.

Patients of one group each are exchanged between the groups; patients with samples of both are compared with themselves.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsonin.discovery.differences import FEWEST, Differences, Unit, group_differences
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.within_patients import paired_differences
from opsonin.errors import DiscoveryError


def compare(
    table: FeatureTable,
    response: pd.Series,
    *,
    first: str = "responder",
    second: str = "non-responder",
    unit: Unit = "subject",
    by: Unit | None = None,
    variances: pd.DataFrame | None = None,
    paired: bool | None = None,
    **options: Any,
) -> Differences:
    """Features of a table between groups of patients.

    response: indexed by subject, or by sample where it was judged for each sample. Given by sample with patients as the
    unit, a patient's samples of one response are averaged, and patients whose samples differ are left out and named.
    paired: patients with samples of both groups are compared with themselves, by the signs of their differences, and
    those of one group alone are left out and named; left out, this is done where at least 3 patients have both and no
    fewer than are of the smaller group alone.
    by: what response is indexed by; told from its names where left out, which may be those of both.
    variances: samples × features, of the features' own uncertainty.   options: of `group_differences`.
    Raises: DiscoveryError as `group_differences`, and where nobody has a response.
    """
    wide = table.wide()
    of = table.frame.drop_duplicates("sample").set_index("sample")["subject"].astype(str).reindex(wide.index)
    by_sample = _by_sample(response.index, of) if by is None else by == "sample"
    known = response[response.notna()].astype(str)
    group = pd.Series(wide.index if by_sample else of.to_numpy(), index=wide.index).map(known.to_dict())
    if not group.notna().any():
        raise DiscoveryError("no sample's subject has a response; index it by subject or by sample, as in the table.")
    strata = options.get("strata")
    if isinstance(strata, pd.Series) and unit == "sample" and (by == "subject" or not _by_sample(strata.index, of)):
        options["strata"] = of.map(options["strata"].to_dict())
    own = None if variances is None else variances.reindex(index=wide.index, columns=wide.columns).fillna(0.0)
    if unit == "sample":
        return group_differences(wide, group, first=first, second=second, unit=unit, variances=own, **options)
    answers = group.groupby(of).nunique()
    mixed = sorted(answers[answers > 1].index)
    single = group.groupby(of).first().where(answers <= 1)
    kept = wide[group.notna().to_numpy()]
    subject = of[group.notna().to_numpy()]
    means = kept.groupby(subject).mean()
    shrunk = None
    if own is not None:
        several = kept.notna().groupby(subject).sum().clip(lower=1)
        shrunk = own.loc[kept.index].groupby(subject).sum() / several**2
    both = _with_both(group, of, first, second)
    alone = single[single.isin([first, second])]
    smaller = min(int((alone == name).sum()) for name in (first, second))
    if paired if paired is not None else len(both) >= max(FEWEST, smaller):
        return _within(wide, own, group, of, both, alone, first, second, options)
    _refuse_few(single, mixed, first, second)
    found = group_differences(
        means, single.reindex(means.index), first=first, second=second, unit=unit, variances=shrunk, **options
    )
    told = [f"left out, as they have samples of both groups: {', '.join(mixed)}."] if mixed else []
    several = int((subject[subject.isin(single[single.isin([first, second])].index)].value_counts() > 1).sum())
    if several:
        told.append(
            f"{several} {'patient has' if several == 1 else 'patients have'} several samples; their mean is taken."
        )
    if options.get("strata") is not None:
        told.append("p by exchange within strata; differences and their intervals are of all together.")
    words = [line for line in found.left_out if not mixed or "of neither group" not in line]
    return Differences(**{**found.__dict__, "left_out": (*told, *words)})


def _refuse_few(single: pd.Series, mixed: list[str], first: str, second: str) -> None:
    """Raises: DiscoveryError where too few patients are of one group alone, as most have samples of both."""
    if mixed and min(int((single == first).sum()), int((single == second).sum())) < FEWEST:
        raise DiscoveryError(
            f"{len(mixed)} patients have samples of both {first!r} and {second!r} ({', '.join(mixed[:5])}), and too "
            f"few are of one alone: {FEWEST} pairs, or {FEWEST} patients of each alone, are needed."
        )


def _by_sample(names: pd.Index, of: pd.Series) -> bool:
    """Whether names are those of samples; of: the subject of each sample.

    Raises: DiscoveryError where they name samples and other subjects alike, as numbers do.
    """
    samples, subjects = names.isin(of.index), names.isin(of.to_numpy())
    unlike = [name for name in names[samples & subjects] if (of[of == name].index != name).any() or of[name] != name]
    if not unlike:
        return bool(samples.any())
    if samples.all() != subjects.all():
        return bool(samples.all())
    raise DiscoveryError(
        f"{unlike[0]!r} names a sample and a subject, and not the same; say by = 'subject' or 'sample'."
    )


def _with_both(group: pd.Series, of: pd.Series, first: str, second: str) -> list[str]:
    """Subjects with a sample of each of the two groups."""
    has = [set(of[(group == name).to_numpy()]) for name in (first, second)]
    return sorted(has[0] & has[1])


def _within(
    wide: pd.DataFrame, own: pd.DataFrame | None, group: pd.Series, of: pd.Series, both: list[str], alone: pd.Series,
    first: str, second: str, options: dict[str, Any],
) -> Differences:  # fmt: skip
    """Patients with samples of both groups against themselves; a group's several samples of one are averaged."""
    sides, variances, several = [], [], set()
    for name in (first, second):
        rows = (group == name).to_numpy() & of.isin(both).to_numpy()
        grouped = wide[rows].groupby(of[rows])
        sides.append(grouped.mean().reindex(both))
        several |= set(grouped.size()[lambda n: n > 1].index)
        if own is not None:
            known = wide[rows].notna().groupby(of[rows]).sum().clip(lower=1)
            variances.append((own[rows].groupby(of[rows]).sum() / known**2).reindex(both))
    taken = {key: value for key, value in options.items() if key != "strata"}
    found = paired_differences(*sides, first=first, second=second,
                               variances=variances[0] + variances[1] if variances else None, **taken)  # fmt: skip
    told = []
    if len(alone):
        told.append(f"left out, as they have samples of one group alone: {', '.join(map(str, alone.index))}.")
    if several:
        told.append(f"{len(several)} patients have several samples of a group, of which the mean is taken.")
    if options.get("strata") is not None:
        told.append("strata are of no use where patients are compared with themselves.")
    return Differences(**{**found.__dict__, "left_out": (*told, *found.left_out)})
