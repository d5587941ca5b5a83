"""Whether a study's patients can have several sites of lesions, with immune systems of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsonin.study.names import refuse

if TYPE_CHECKING:
    from opsonin.model import Module
    from opsonin.study.study import Study


def check_sites(study: Study, core: str, therapies: Mapping[str, Module]) -> None:
    """Raises: StudyError for patients of the first core, and for an agent that acts inside the tumour by its states.

    Such an agent (cells that enter the tumour, a drug with resistant clones) would have to be told at which site it
    does; drugs that act through signals act at every site.
    """
    from opsonin.biology import full_core, site_names
    from opsonin.model.repeated import names_used

    sites = study.file.population.sites
    if core == "first":
        refuse(
            study,
            ("population", "sites"),
            f"lesions at {sites} sites have immune cells of their own, which patients of "
            f"{study.file.population.indication!r} have not; take an indication of the full core, such as "
            "'refractory-solid-full'",
        )
    own = site_names(full_core())
    for n, treatment in enumerate(study.file.treatment):
        module = therapies[treatment.agent]
        inside = sorted({name for part in module.parts for name in names_used(part, module.name)} & own)
        if inside:
            refuse(
                study,
                ("treatment", n, "agent"),
                f"{treatment.agent!r} acts inside the tumour ({', '.join(inside)}), which each of {sites} sites has of "
                "its own; with population.sites only agents that act through signals can be given",
            )
