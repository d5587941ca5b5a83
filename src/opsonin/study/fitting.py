"""Which of a study's treatments does not fit its patients, where that is why their model cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsonin.errors import ModelError
from opsonin.study.names import refuse

if TYPE_CHECKING:
    from opsonin.model import Model, Module
    from opsonin.study.study import Study


def model_of(study: Study, core: str, sites: int, therapies: Mapping[str, Module]) -> Model:
    """The model of a patient with the study's therapies.

    Raises: StudyError for an agent that acts on immune cells of the tumour, which patients of the first core have not;
    ModelError for therapies that fit no patient; TherapyError for one of the user's that acts without a dose.
    """
    from opsonin.biology import core_named
    from opsonin.model import Model
    from opsonin.study.study import is_own
    from opsonin.therapies import check_at_rest

    model = Model([*core_named(core, sites), *therapies.values()])
    try:
        _ = model.symbolic
    except ModelError:
        if core == "first":
            _refuse_for_the_full_core(study, therapies)
        raise
    for agent, module in therapies.items():
        if is_own(agent):
            check_at_rest(module, model)
    return model


def _refuse_for_the_full_core(study: Study, therapies: Mapping[str, Module]) -> None:
    """Raises: StudyError for the first treatment that fits the full core and not the first one."""
    from opsonin import patients

    for n, treatment in enumerate(study.file.treatment):
        module = therapies[treatment.agent]
        if _fits("first", module) or not _fits("full", module):
            continue
        full = [name for name in patients.indication_names() if patients.indication(name).core == "full"]
        others = [name for name in full if name != "refractory-solid-full"]
        refuse(
            study,
            ("treatment", n, "agent"),
            f"{treatment.agent!r} acts on what only patients of the full core have, the immune cells in the tumour, "
            f"and those of {study.file.population.indication!r} are of the first core, whose tumour is one volume; "
            f"take an indication of the full core: 'refractory-solid-full', {', '.join(map(repr, others))}",
        )


def _fits(core: str, module: Module) -> bool:
    from opsonin.biology import core_named
    from opsonin.model import Model

    try:
        _ = Model([*core_named(core), module]).symbolic
    except ModelError:
        return False
    return True
