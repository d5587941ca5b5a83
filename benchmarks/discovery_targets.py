"""Targets of M2 tumour macrophages from published tables: the ranking, why, and what it hangs on.

Prints the tables of docs/discovery-targets.md. The data are the shared sets tumour-immune-atlas-nieto2021,
scrna-lung-tki-maynard2020, normal-expression-hpa and icb-expression-cohorts.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from opsonin.discovery.bulk_cohorts import association
from opsonin.discovery.marker_sources import adjusted
from opsonin.discovery.read import mapping_file
from opsonin.discovery.read.mapping import read_mapping
from opsonin.discovery.target_intervals import RankIntervals, rank_intervals, weight_sensitivity, without_each
from opsonin.discovery.target_pages import pages, why_above
from opsonin.discovery.target_question import target_question
from opsonin.discovery.targets import HALF, PARTS, TargetRanking, known, rank_targets, ranks, scored

HELD = ("CSF1R", "FOLR2", "MARCO", "VSIG4")
MACROPHAGE = ("CD163", "CD68", "CD14", "AIF1")


def measured(data: Path) -> TargetRanking:
    settings = read_mapping(mapping_file("nieto2021-targets")).discovery.targets or {}
    return rank_targets(target_question(settings, data / "tumour-immune-atlas-nieto2021"))


def with_unmeasured(ranking: TargetRanking, value: float) -> dict[str, int]:
    """The ranks if a part without data counted so much."""
    held = [known(ranking.frame, part) for part in PARTS]
    parts = np.column_stack([np.where(own, ranking.parts[:, at], value) for at, own in enumerate(held)])
    made = dict(zip(ranking.frame.index, ranks(scored(parts, ranking.question.weight)).astype(int), strict=True))
    return {gene: int(made[gene]) for gene in ("TREM2", *HELD)}


def links(ranking: TargetRanking) -> str:
    """What the bulk cohorts say of the candidates' link with resistance."""
    found = association(ranking.question.cohorts, ranking.frame.index, ())["p"].dropna().sort_values()
    rate = float(np.nanmin(adjusted(found.to_numpy())))
    least = ", ".join(f"{gene} {p:.3f}" for gene, p in found.iloc[:3].items())
    unmeasured = int((ranking.frame["cohorts"] == 0).sum())
    return (f"{unmeasured} candidates in no bulk cohort; of the {len(found)} others the least P: {least}; least false "
            f"discovery rate {rate:.2f}")  # fmt: skip


def overtaken(ranking: TargetRanking, over: RankIntervals, gene: str) -> str:
    """By whom a gene is passed whose rank is better than the interval of its resamplings."""
    at, place = list(ranking.frame.index).index(gene), int(ranking.at(gene)["rank"])
    ahead = over.sampled < over.sampled[:, [at]]
    measured = known(ranking.frame, "resistance")
    blank, other = (float(ahead[:, own].sum(axis=1).mean()) for own in (~measured, measured))
    return (f"{gene}, rank {place}: so good or better in {100 * (over.sampled[:, at] <= place).mean():.0f} % of "
            f"resamplings; {blank:.0f} genes that no cohort measured and {other:.0f} others are before it on average\n"
            )  # fmt: skip


def cases(ranking: TargetRanking, replicates: int, draws: int) -> dict[str, Any]:
    """Where TREM2 stands, and how often it is above each gene it is held against."""
    over, drawn = rank_intervals(ranking, replicates=replicates), weight_sensitivity(ranking, draws=draws)
    base = {"error": None, "ratio": None, "threads": 1}
    made: dict[str, Any] = {
        f"rank of {gene} of {len(ranking.frame)} candidates": {
            "value": int(ranking.at(gene)["rank"]), "unit": "", "peer": "median over resampling",
            "peer_value": float(over.middle(gene)), **base}
        for gene in ("TREM2", *HELD)
    }  # fmt: skip
    for gene in HELD:
        made[f"TREM2 above {gene}, resampled"] = {
            "value": float(over.above("TREM2", gene)), "unit": "share of resamplings", "peer": "share of all weights",
            "peer_value": float(drawn.above("TREM2", gene)), **base}  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--replicates", type=int, default=300)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    ranking = measured(given.data)
    if given.json:
        print(json.dumps(cases(ranking, given.replicates, given.draws)))
        return
    over = rank_intervals(ranking, replicates=given.replicates)
    drawn = weight_sensitivity(ranking, draws=given.draws)
    print(f"{len(ranking.frame)} candidates at the surface; left out: {ranking.left_out}\n")
    print(
        "| gene | rank | median rank of resamplings | 95 % over resampling | 95 % over weights | score | "
        + " | ".join(PARTS)
        + " |"
    )
    print("|---|" + "---:|" * (5 + len(PARTS)))
    for gene in [*ranking.frame.index[:12], *HELD]:
        row, (low, high), (light, heavy) = ranking.at(gene), over.of(gene), drawn.of(gene)
        values = " | ".join(f"{row[p]:.2f}" if known(ranking.frame.loc[[gene]], p)[0] else "unknown" for p in PARTS)
        ranks = f"{row['rank']} | {over.middle(gene):.0f} | {low:.0f}–{high:.0f} | {light:.0f}–{heavy:.0f}"
        print(f"| {gene} | {ranks} | {row['score']:.2f} | {values} |")
    print()
    for gene in HELD:
        by_weight, resampled = (100 * found.above("TREM2", gene) for found in (drawn, over))
        why = why_above(ranking, "TREM2", gene)
        print(f"- {why} So in {by_weight:.0f} % of weights and {resampled:.0f} % of resamplings.")
    print("\n" + without_each(ranking, ["TREM2", *HELD]).to_string(index=False))
    for beside in ((), MACROPHAGE):
        own = rank_targets(replace(ranking.question, beside=beside))
        said = {gene: int(own.at(gene)["rank"]) for gene in ("TREM2", *HELD)}
        print(f"\nheld constant in bulk {beside or 'nothing'}: {said}; first {', '.join(own.frame.index[:10])}")
    print(f"\nif an unmeasured part counted one half: {with_unmeasured(ranking, HALF)}")
    print(f"{links(ranking)}\n")
    for gene in ranking.frame.index[:10]:
        if int(ranking.at(gene)["rank"]) < over.of(gene)[0]:
            print(overtaken(ranking, over, gene))
    for one in pages(ranking, 10, over):
        print(one.text())


if __name__ == "__main__":
    main()
