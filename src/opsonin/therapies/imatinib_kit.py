"""Imatinib for tumours that depend on KIT, such as gastrointestinal stromal tumours: 400 mg a day.

The kinetics are those of `imatinib`, under other names, so that the two are two agents; that module is for the first
trial, with tumours that answer in part at best.
Here tumours depend on the target: they shrink slowly, quiescent cells outlast the drug, secondary mutations resist it.
KIT of the host's dendritic cells is blocked too, whatever the tumour: they activate natural killer cells.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opsonin.model import (
    Administration,
    Covariate,
    LogitNormal,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    laws,
)
from opsonin.model.law_names import read_names
from opsonin.therapies.imatinib import observables
from opsonin.therapies.imatinib_kinetics import PETAIN, kinetics
from opsonin.therapies.resistance import Escape, escape

BLANKE = "Blanke 2008, J Clin Oncol 26:620 (B2222, 400 mg: response 69 %, median PFS 20 months)"
BORG = "Borg 2004, J Clin Invest 114:379"
MENARD = "Ménard 2009, Cancer Res 69:3563"


def module() -> Module:
    """Imatinib in a tumour that depends on KIT: kinetics, killing, persisters, resistance, nausea."""
    return Module(
        "imatinib-kit",
        [*(_renamed(part) for part in [*kinetics(), *observables()]), *_effect(), *_natural_killers(), *_escape()],
        title="Imatinib where KIT drives the tumour",
        source=f"{PETAIN}; {BLANKE}",
    )


def _renamed(part: Any) -> Any:
    """The part of imatinib's kinetics with names of this agent; covariates and signals stay those of everybody."""
    if isinstance(part, Covariate):
        return part
    if isinstance(part, Process):
        ends = {end: _ends(part, getattr(part, end)) for end in ("consumes", "produces")}
        return replace(part, name=_name(part.name), rate=_law(part, part.rate), **ends)
    if isinstance(part, Quantity):
        return replace(part, name=_name(part.name), expression=_law(part, part.expression))
    if isinstance(part, Observable):
        return replace(part, name=f"{part.name} (KIT)", agent="imatinib-kit", expression=_law(part, part.expression))
    if isinstance(part, Administration):
        return replace(part, agent="imatinib-kit", into=_name(part.into))
    return replace(part, name=_name(part.name))


def _name(name: str) -> str:
    for word in ("imatinib", "cgp74588"):
        if name == word or name.startswith(f"{word}_"):
            return f"{word}_kit{name.removeprefix(word)}"
    return name


def _law(part: Any, law: Any) -> Any:
    return laws.reading(law, *(_name(name) for name in read_names(law, part, "imatinib")))


def _ends(part: Process, ends: Any) -> Any:
    if isinstance(ends, dict):
        return {_name(name): _law(part, share) if callable(share) else share for name, share in ends.items()}
    return _name(ends) if isinstance(ends, str) else ends


def _effect() -> list:
    return [
        Parameter(
            "imatinib_kit_dependence",
            0.85,
            "dimensionless",
            "assumed: mutations of exon 11 depend on KIT almost wholly, others less; one in eight tumours "
            "progresses at once (Blanke 2008, J Clin Oncol 26:626, S0033: 12 %)",
            LogitNormal(1.8),
            meaning="share of the full effect of imatinib that this patient's tumour feels",
        ),
        Parameter(
            "imatinib_kit_ec50",
            0.5,
            "mg/l",
            "Peng 2005, Clin Pharmacokinet 44:879 (concentration for kinase inhibition in vitro)",
            meaning="concentration of half the effect",
        ),
        Parameter(
            "imatinib_kit_kill",
            0.07,
            "1/day",
            f"calibrated to: response in 69 %, {BLANKE}",
            LogNormal(0.4),
            meaning="killing of cycling cells that depend on KIT at high concentration",
        ),
        Quantity(
            "imatinib_kit_effect",
            lambda imatinib_kit_dependence, imatinib_kit_concentration, imatinib_kit_ec50: (
                imatinib_kit_dependence * imatinib_kit_concentration / (imatinib_kit_ec50 + imatinib_kit_concentration)
            ),
            "dimensionless",
            "share of the full effect that the tumour feels",
        ),
        Quantity(
            "imatinib_kit_killing",
            lambda imatinib_kit_kill, imatinib_kit_effect: imatinib_kit_kill * imatinib_kit_effect,
            "1/day",
            "killing of sensitive cycling cells",
        ),
        Parameter(
            "imatinib_kit_nausea",
            0.03,
            "1/day",
            "assumed: nausea in about a third of patients in the first two weeks of 400 mg a day",
            meaning="hazard of nausea at high concentration",
        ),
        Modulation(
            "nausea_drive",
            lambda imatinib_kit_nausea, imatinib_kit_concentration, imatinib_kit_ec50: (
                imatinib_kit_nausea * imatinib_kit_concentration / (imatinib_kit_ec50 + imatinib_kit_concentration)
            ),
        ),
    ]


def _natural_killers() -> list:
    """The host's dendritic cells, freed of KIT, activate natural killer cells and make them readier for a cytokine."""
    return [
        Parameter(
            "imatinib_kit_nk_drive",
            0.08,
            "dimensionless",
            f"assumed: imatinib alone about doubles activated cells; {BORG} for the way, {MENARD} for the spread: "
            "interferon γ of NK cells had fallen by two months in 22 of 56 patients and not in 34",
            LogNormal(1.0),
            meaning="activation of natural killer cells by dendritic cells at high concentration, relative to the most "
            "that a cytokine can do",
        ),
        Parameter(
            "imatinib_kit_nk_priming",
            0.3,
            "dimensionless",
            f"assumed: as under imatinib in other tumours ({BORG}); size not known in this regimen",
            LogNormal(0.4),
            meaning="greatest added readiness of natural killer cells",
        ),
        Modulation(
            "nk_activation",
            laws.reading(lambda drive, concentration, half: drive * concentration / (half + concentration), *_NK_DRIVE),
            "dendritic cells activate natural killer cells",
        ),
        Modulation(
            "nk_priming",
            laws.reading(
                lambda most, concentration, half: 1 + most * concentration / (half + concentration), *_NK_PRIMING
            ),
            "natural killer cells made readier by dendritic cells",
        ),
    ]


_NK_DRIVE = ("imatinib_kit_nk_drive", "imatinib_kit_concentration", "imatinib_kit_ec50")
_NK_PRIMING = ("imatinib_kit_nk_priming", "imatinib_kit_concentration", "imatinib_kit_ec50")


def _escape() -> list:
    return escape(
        Escape(
            "imatinib_kit",
            resistant=(1e-4, "assumed: secondary mutations are there before treatment, unseen; spread assumed"),
            tolerance=(
                0.005,
                f"calibrated to: median PFS of 20 months, {BLANKE}; quiescence under imatinib, as of other persisters",
            ),
            expanding=(0.2, "assumed: as under erlotinib"),
            cost=(0.0, "assumed: secondary mutations of KIT cost nothing; no figure found"),
        )
    )
