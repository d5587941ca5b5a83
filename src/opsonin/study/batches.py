"""Batches of a cell product that were really made, as those of a study's virtual patients: `population.products`.

Each patient draws one released batch of every agent that has some: its viability and transduced share take the place of
what the model draws, and no dose is larger than the batch allows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsonin.errors import OpsoninError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.patients import VirtualPatients
    from opsonin.study.study import Study

RELEASED = "released"


def with_batches(study: Study, patients: VirtualPatients, seed: int) -> VirtualPatients:
    """The patients with a batch each, drawn by (seed, patient, agent); as they are where the study names no batches.

    Raises: StudyError where the file cannot be read, or has no released batch of an agent of the study.
    """
    if study.file.population.products is None:
        return patients
    from opsonin import random
    from opsonin.model.derived import completed
    from opsonin.trial.doses import batch_column
    from opsonin.trial.plan import make_plan

    model = study.built.model
    made = make_plan(model, study.built.protocol).products
    table = read_batches(study)
    known = [batches for batches in made if (table["product"] == batches.agent).any()]
    if not known:
        there = ", ".join(sorted(set(table["product"]))) or "none"
        agents = ", ".join(batches.agent for batches in made) or "none whose batches have figures"
        raise StudyError(
            f"the released batches are of {there}, and the study gives {agents}; name the agent in `product`."
        )
    constants, covariates = patients.constants.copy(), patients.covariates.copy()
    for batches in known:
        own = table[(table["product"] == batches.agent).to_numpy(dtype=bool)]
        drawn = random.uniform(seed, f"patient batch {batches.agent}", patients.ids)[..., 0]
        which = np.floor(drawn * len(own)).astype(int)
        for column, at in batches.figures:
            if column in own:
                figure = own[column].to_numpy(dtype=float)[which]
                constants[:, at] = np.where(np.isnan(figure), constants[:, at], figure)
        if "cells" in own and own["cells"].notna().any():
            covariates[batch_column(batches.agent)] = own["cells"].to_numpy(dtype=float)[which]
    return replace(patients, constants=completed(model.symbolic, constants), covariates=covariates)


def read_batches(study: Study) -> pd.DataFrame:
    """The released batches of the file or record that the study names, found beside the study file.

    Raises: StudyError where it cannot be read, lacks `product`, or a share lies outside 0 to 1.
    """
    from opsonin.study.names import refuse

    named = study.file.population.products
    assert named is not None
    where, path = ("population", "products"), study.path.parent / named
    try:
        table = _read(path)
    except (OSError, ValueError, OpsoninError) as problem:
        refuse(study, where, f"{named} cannot be read: {problem}")
    if "product" not in table:
        refuse(study, where, f"{named} has no column `product`, which names the agent of each batch")
    if "status" in table:
        table = table[(table["status"].astype(str) == RELEASED).to_numpy(dtype=bool)]
    for column in ("viability_fraction", "transduced_fraction"):
        if column in table:
            outside = ~table[column].astype(float).dropna().between(0.0, 1.0)
            if outside.any():
                refuse(study, where, f"{named}: {column} is {table[column].dropna()[outside].iloc[0]}; write 0 to 1")
    return table.assign(product=table["product"].astype(str)).reset_index(drop=True)


def files_of(study: Study) -> list[Path]:
    """The files that hold the batches, none where the study names none or they are not there."""
    named = study.file.population.products
    if named is None:
        return []
    path = study.path.parent / named
    return [path] if path.is_file() else sorted(path.glob("products.*")) if path.is_dir() else []


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if path.is_dir():
        from opsonin.record import TrialRecord

        return TrialRecord.load(path).products
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
