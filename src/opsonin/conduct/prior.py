"""How much a decision hangs on the prior: the same outcomes under other priors of a model-based design."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opsonin.designs import Design, Outcomes, Wrapper
from opsonin.errors import DesignError

if TYPE_CHECKING:
    from opsonin.designs import Blrm, Crm


def other_priors(design: Design) -> dict[str, Design]:
    """The design under other priors, by what is different in words; empty for designs without a prior on a curve.

    A design may say itself which other priors are worth a look, by a method `other_priors`.
    """
    if isinstance(design, Wrapper):
        return {words: replace(design, inner=inner) for words, inner in other_priors(design.inner).items()}
    own = getattr(design, "other_priors", None)
    if own is not None:
        found: Mapping[str, Design] = own()
        return dict(found)
    from opsonin.designs import Blrm, Crm  # for who asks this, not for every run

    if isinstance(design, Blrm):
        return _of_blrm(design)
    return _of_crm(design) if isinstance(design, Crm) else {}


def _of_blrm(design: Blrm) -> dict[str, Design]:
    """Half and twice the prior spread of both parameters; and half and twice the odds of a DLT at the reference dose.

    Of a prior in parts there is no one spread: it is compared with none.
    """
    if design.mixture is not None:
        return {}
    made: dict[str, Design] = {}
    for words, factor in (("half", 0.5), ("twice", 2.0)):
        made[f"{words} the prior SDs"] = replace(design, prior_sd=tuple(factor * sd for sd in design.prior_sd))
        mean = (design.prior_mean[0] + math.log(factor), design.prior_mean[1])
        made[f"{words} the prior odds of a DLT"] = replace(design, prior_mean=mean)
    return made


def _of_crm(design: Crm) -> dict[str, Design]:
    """Half and twice the prior spread; and the level beforehand thought to be the MTD, each in turn."""
    from opsonin.designs.crm import WIDEST

    made: dict[str, Design] = {}
    if design.method == "bayes":
        for words, factor in (("half the prior SD", 0.5), ("twice the prior SD", 2.0)):
            if factor * design.scale <= WIDEST:
                made[f"{words} ({factor * design.scale:.2f})"] = replace(design, scale=factor * design.scale)
    for level in range(1, design.levels + 1):
        rates = design.guess(level)
        if rates.max() < 1 and not np.allclose(rates, design.skeleton):
            other = replace(design, prior=tuple(float(rate) for rate in rates))
            made[f"level {level} thought to be the MTD"] = other
    return made


def prior_sensitivity(design: Design, seen: Outcomes) -> pd.DataFrame:
    """What the design says after these outcomes under its own and other priors: prior, decision, level, mtd, reason.

    Empty for designs without a prior on a curve.
    """
    others = other_priors(design)
    if not others:
        return pd.DataFrame(columns=pd.Index(_COLUMNS))
    rows: list[dict[str, Any]] = []
    for words, one in {"as planned": design, **others}.items():
        try:
            made = one.decide(seen)
        except DesignError as problem:  # a prior so far off that nothing can be computed is told, not hidden
            rows.append(dict(zip(_COLUMNS, (words, "none", None, None, str(problem)), strict=True)))
            continue
        told = (words, made.action, made.level, made.mtd, made.reason)
        rows.append(dict(zip(_COLUMNS, told, strict=True)))
    return pd.DataFrame(rows, columns=pd.Index(_COLUMNS)).astype({"level": "Int64", "mtd": "Int64"})


_COLUMNS = ["prior", "decision", "level", "mtd", "reason"]
