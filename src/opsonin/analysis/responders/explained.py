"""All that was asked of why patients respond, as findings that a report can draw."""

from __future__ import annotations

from typing import Any

from opsonin.analysis.findings import Finding, Findings, note
from opsonin.analysis.responders.counterfactuals import counterfactuals
from opsonin.analysis.responders.resistance import resistance
from opsonin.analysis.responders.separation import separation
from opsonin.analysis.responders.variance import variance_shares
from opsonin.analysis.responders.weighted import answers, share
from opsonin.errors import AnalysisError


def explained_response(
    response: Any,
    *,
    quantities: Any = None,
    kinds: Any = None,
    parameters: Any = None,
    sources: Any = None,
    changed: Any = None,
    benefit: Any = None,
    barriers: Any = None,
    groups: Any = None,
    weights: Any = None,
    seed: int = 1,
    level: float = 0.95,
    outcome: str = "response",
) -> Findings:
    """Who responds and why: the findings `why.…` of all that was given; what could not be done is a note.

    response: 1 or 0 a patient; outcome: what 1 means, in words.   quantities, kinds: for `separation`.
    parameters, sources: for `variance_shares`.   changed, benefit, barriers, groups: for `counterfactuals` and
    `resistance`.   weights: of a virtual population, for all of them.
    Raises: AnalysisError where all patients respond or none, since nothing can then be asked.
    """
    yes, w = answers(response, weights)
    rate = share(yes, w, level)
    found = Findings(
        [
            Finding(
                "why.response.rate",
                estimate=rate.value,
                lower=rate.lower,
                upper=rate.upper,
                level=level,
                n=yes.size,
                events=int(yes.sum()),
                unit="proportion",
                method="share of the patients asked about; exact interval",
                note=outcome,
            )
        ]
    )
    if quantities is not None:
        found += _tried("separation", lambda: separation(yes, quantities, kinds=kinds, weights=weights, level=level))
    if parameters is not None:
        found += _tried(
            "variance",
            lambda: variance_shares(yes, parameters, sources=sources, weights=weights, seed=seed, level=level),
        )
    if changed is not None:
        found += _tried("counterfactual", lambda: counterfactuals(yes, changed, weights=weights, level=level))
        found += _tried(
            "resistance",
            lambda: resistance(
                yes, changed, benefit=benefit, barriers=barriers, groups=groups, weights=weights, level=level
            ),
        )
    return found


def _tried(topic: str, ask: Any) -> list[Finding]:
    try:
        made = ask()
    except AnalysisError as problem:
        return [note("why", f"Why patients respond, {topic}: {problem}")]
    return made.findings()
