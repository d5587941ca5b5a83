"""Whom a decision has to wait for: subjects of whom something is still to be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opsonin.conduct.beside import on_backfill
from opsonin.designs import Decision, Design
from opsonin.designs.evidence import EFFICACY

if TYPE_CHECKING:
    from opsonin.conduct.conduct import Conduct

WINDOW, RESPONSE = "DLT window", "response"


def awaited(conduct: Conduct, judged: pd.DataFrame, now: float | None) -> pd.DataFrame:
    """The judged subjects without whom the design cannot decide on the day `now`, with what it `awaits`.

    Nobody for designs that decide while subjects are followed, and where no day is given: all is known then. Nor
    anybody on backfill, for whom no cohort waits.
    """
    if conduct.follows or now is None:
        return judged.iloc[:0].assign(awaits="")
    judged = judged[~on_backfill(conduct.design, judged)]
    open_ = judged["status"] == "pending"
    late = pd.Series(False, index=judged.index)
    if EFFICACY in conduct.design.needs and len(judged):
        counts = (judged["status"] != "not evaluable") | (conduct.replace == "nobody")
        late = ~open_ & counts & (judged["responded_day"] > now)
    found = judged[open_ | late]
    return found.assign(awaits=np.where(open_[open_ | late], WINDOW, RESPONSE))


def wait_for(design: Design, open_: pd.DataFrame) -> Decision:
    """The decision to treat nobody yet: "stay" at the last one's level, with no further patients."""
    level = int(open_["level"].iloc[-1])
    where = "" if open_["level"].nunique() > 1 else f" at {design.dose_name(level)}"
    told = [
        f"the {what} of {', '.join(open_.loc[open_['awaits'] == what, 'subject_id'])}{where} is {still}"
        for what, still in ((WINDOW, "still open"), (RESPONSE, "still awaited"))
        if (open_["awaits"] == what).any()
    ]
    return Decision("stay", level, 0, None, f"wait: {' and '.join(told)}", {"pending": len(open_)})


def until_measured(conduct: Conduct, made: Decision, judged: pd.DataFrame, now: float | None) -> Decision:
    """The decision, but "wait" where it would declare a dose by its immune effect before everybody was judged and their
    effect measured; nobody waits for who is on backfill."""
    if made.mtd is None or now is None or "immune_day" not in judged:
        return made
    cohorts = judged[~on_backfill(conduct.design, judged)]
    open_ = cohorts["status"] == "pending"
    late = (cohorts["immune_day"] > now) & (cohorts["status"] != "not evaluable")
    if not (open_ | late).any():
        return made
    unknown, followed = ", ".join(cohorts.loc[late, "subject_id"]), ", ".join(cohorts.loc[open_, "subject_id"])
    why = f"the immune effect in {unknown} is not known yet" if unknown else f"{followed} is still followed"
    return replace(made, action="wait", mtd=None, patients=0, reason=f"{made.reason}; wait, as {why}")
