"""What `opsonin discover` hands to its report: findings, and plain tables that also stand as CSV in `tables/`.

Every question  methods (sentence), read (file, what, reason, count), said (sentence: what to know), pages (title,
                text in Markdown: a target's page, what the clones say)
states          quality (a row a sample: cells, kept, limits, "left out: …"), umap (cell, subject, sample, label,
                cluster, umap_1, umap_2, response; at most 20,000 cells), composition (subject, sample, time, response,
                label, cells, share), dots (label, gene, mean, share, cells), features (`FeatureTable.frame` with
                response), states (a row a feature: `Differences.frame` with kind and unit), agreement (type, cells,
                found, precision, recall, f1)
targets         targets (gene, rank, lower, upper, score, the parts …), target_parts (gene, part, name, value, median,
                better_than, factor, said), target_pages (gene, side "for" | "against" | "not known", sentence),
                target_weights (ranked by, one column a gene), target_comparisons (first, second, sentence)
plasticity      overlaps (contrast, set, genes, shared, expected, fold, p …), clones (what, value, lower, upper, p),
                clone_likeness (first, second, kind, correlation), clone_diversity, clone_table (clone, before, after,
                change, common), growth (a row a line), growth_rates (line, rate), programmes, repertoires (features),
                programme_response (name, set, log_odds …); features, states as of that question, where samples have any

Findings are named states.…, targets.…, plasticity.…; a chapter reads `context.tables` by these names and is absent
without them. `manifest.questions["discovery"]` is the question asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from opsonin.discovery.answers import Answer
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

QUESTIONS = ("states", "targets", "plasticity")
TABLES = "tables"


@dataclass(frozen=True)
class Answered:
    """An answer with what it was found in.   samples: None where published tables alone were asked."""

    answer: Answer
    samples: Samples | None = None
    methods: list[str] = field(default_factory=list)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name, those of every question included."""
        told = [] if self.samples is None else self.samples.source
        made = dict(self.answer.tables)
        made["methods"] = pd.DataFrame({"sentence": self.methods}, dtype=object)
        made["read"] = pd.DataFrame(told, columns=pd.Index(["file", "what", "reason", "count"]))
        made["said"] = pd.DataFrame({"sentence": list(self.answer.notes)}, dtype=object)
        if self.answer.pages:
            made["pages"] = pd.DataFrame({"title": [*self.answer.pages], "text": [*self.answer.pages.values()]})
        return {name: table for name, table in made.items() if len(table)}


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Each as CSV.

    Raises: DiscoveryError for a name that is no plain file name.
    """
    folder.mkdir()
    for name, table in tables.items():
        if not name.replace("_", "").isalnum():
            raise DiscoveryError(f"a table cannot be called {name!r}.")
        table.to_csv(folder / f"{name}.csv", index=False)
