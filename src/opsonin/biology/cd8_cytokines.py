"""Division of the tumour's CD8+ T cells under a cytokine that drives T cells, such as interleukin-2.

Resting T cells of the blood have the β and γ chains of its receptor and hardly answer; cells that meet antigen make the
α chain (CD25) too and bind it a hundred times as well (Boyman & Sprent 2012, Nat Rev Immunol 12:180). In chronic
infection interleukin-2 multiplies exhausted cells with a block of PD-1 more than either alone (West 2013, J Clin
Invest 123:2604; Hashimoto 2022, Nature 610:173). Regulatory T cells, which always have CD25, grow in the blood and
enter the tumour in step: suppression rises with it.
"""

from __future__ import annotations

from opsonin.model import Parameter, Process, Quantity, laws


def cytokine_division() -> list:
    """Effectors and exhausted cells divide where they meet antigen, until the tumour is crowded with them."""
    return [
        Parameter(
            "activated_answer",
            10.0,
            "dimensionless",
            "calibrated to: response in 16 % of 270 patients with melanoma under high doses of interleukin-2 (Atkins "
            "1999, J Clin Oncol 17:2105)",
            meaning="division of activated T cells under a cytokine relative to that of resting ones of the blood",
        ),
        Parameter(
            "cd8_crowding",
            60.0,
            "Mcell/ml",
            "assumed: division is halved where T cells are a quarter of what a volume of tumour can hold",
            meaning="density of CD8+ T cells at which their division under a cytokine is halved",
        ),
        Quantity(
            "cytokine_division",
            _division,
            "1/day",
            "division of the tumour's effectors and exhausted cells under a cytokine",
        ),
        *(
            Process(f"{name}_divide", _divide(name), produces=f"cd8_{name}", meaning="under a cytokine")
            for name in ("effector", "exhausted")
        ),
    ]


def _division(
    t_cell_proliferation,
    activated_answer,
    antigen_load,
    cd8_stem,
    cd8_effector,
    cd8_exhausted,
    cd8_resident,
    cd8_crowding,
    site_volume,
):
    density = (cd8_stem + cd8_effector + cd8_exhausted + cd8_resident) / site_volume
    return activated_answer * t_cell_proliferation * antigen_load / (1 + density / cd8_crowding)


def _divide(name: str):
    return laws.reading(lambda cells, division: division * cells, f"cd8_{name}", "cytokine_division")
