"""The points at which therapies may modulate a tumour and the immune cells in it, beside those of `signals.py`.

Drugs that bind one receptor add their concentration over dissociation constant to one sum, so that the share of the
receptor that is free, 1 / (1 + sum), is that of competitive binding in equilibrium and never below zero.
"""

from __future__ import annotations

from opsonin.model import Module, Signal

_BINDING = "drugs bound to {} at the tumour: sum of free concentrations over dissociation constants"


def site_signals() -> Module:
    """Every signal of the tumour and its immune system."""
    return Module(
        "site signals",
        [
            # receptors
            Signal("pd1_binding", "sum", meaning=_BINDING.format("PD-1")),
            Signal("pdl1_binding", "sum", meaning=_BINDING.format("PD-L1")),
            Signal("ctla4_binding", "sum", meaning=_BINDING.format("CTLA-4")),
            Signal("cd47_binding", "sum", meaning=_BINDING.format("CD47")),
            Signal("csf1r_binding", "sum", meaning=_BINDING.format("CSF1R")),
            # cancer cells
            Signal("cycling_killing", "sum", "1/day", meaning="killing of cycling cells, which persisters escape"),
            Signal("antigen_positive_killing", "sum", "1/day", meaning="killing of cells that show the antigen"),
            Signal("antigen_loss_killing", "sum", "1/day", meaning="killing of cells that have lost the antigen"),
            Signal("persister_killing", "sum", "1/day", meaning="killing of persister cells"),
            Signal("persister_switch", "sum", "1/day", meaning="cycling cells that become persisters"),
            Signal("persister_return", "product", meaning="return of persisters to the cycle"),
            Signal("vessel_growth", "product", meaning="growth of vessels"),
            # T cells
            Signal("presentation", "product", meaning="maturation of dendritic cells that carry the tumour's antigen"),
            Signal("vaccine_antigen", "sum", meaning="antigen-loaded dendritic cells given or made by a vaccine"),
            Signal("priming", "product", meaning="activation of naive T cells in the lymph node"),
            Signal("infiltration", "product", meaning="entry of T cells from blood into the tumour"),
            Signal("exhaustion", "product", meaning="exhaustion of effector T cells"),
            Signal("memory_formation", "product", meaning="making of resident and of circulating memory CD8+ T cells"),
            Signal("treg_recruitment", "product", meaning="entry of regulatory T cells into the tumour"),
            # myeloid cells
            Signal("monocyte_recruitment", "product", meaning="entry of monocytes into the tumour"),
            Signal("mdsc_recruitment", "product", meaning="entry of myeloid-derived suppressor cells"),
            Signal("phagocytosis", "product", meaning="appetite of the tumour's macrophages"),
            Signal("added_phagocytosis", "sum", "1/day", meaning="phagocytosis of cancer cells by cells given"),
            Signal("inflammatory_drive", "sum", "1/day", meaning="turn of suppressive macrophages to inflammatory"),
            Signal("interferon_source", "sum", meaning="interferon γ from cells given, relative to a typical tumour's"),
            # toxicity: added hazards of a first event of any grade
            Signal("colitis_drive", "sum", "1/day", meaning="hazard of immune-related colitis"),
            Signal("hepatitis_drive", "sum", "1/day", meaning="hazard of immune-related hepatitis"),
            Signal("pneumonitis_drive", "sum", "1/day", meaning="hazard of immune-related pneumonitis"),
            Signal("rash_drive", "sum", "1/day", meaning="hazard of rash"),
            Signal("hypothyroidism_drive", "sum", "1/day", meaning="hazard of immune-related hypothyroidism"),
            Signal("cytokine_release", "sum", "1/day", meaning="hazard of cytokine release syndrome"),
            Signal("neurotoxicity", "sum", "1/day", meaning="hazard of immune effector cell neurotoxicity"),
            Signal("neutropenia_drive", "sum", "1/day", meaning="hazard of neutropenia"),
            Signal("anaemia_drive", "sum", "1/day", meaning="hazard of anaemia"),
            Signal("infusion_reaction", "sum", "1/day", meaning="hazard of an infusion-related reaction"),
        ],
        title="Signals of the tumour and its immune system",
    )
