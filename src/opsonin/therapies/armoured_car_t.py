"""A next generation of CAR T cells meant for liquid and solid tumours alike: a product that does not exist yet.

The same cells with four changes, each of which works in animals or in first patients: receptors for the chemokines of
tumours (a lower barrier), a dominant-negative receptor or gene edit against PD-1's and TGF-β's brakes, resistance to
exhaustion, and a secreted cytokine by which the killing of neighbours reaches cells that have lost the antigen.
"""

from __future__ import annotations

from opsonin.model import Modulation, Module, Parameter
from opsonin.therapies.car_t import build
from opsonin.therapies.car_t_kinetics import naming
from opsonin.therapies.car_t_parameters import Product

_REASON = (
    "assumed: what the changes would have to do (brakes, Cherkassky 2016, J Clin Invest 126:3130; receptors for "
    "chemokines, Craddock 2010, J Immunother 33:780; secreted interleukin 18, Avanzi 2018, Cell Rep 23:2130; each for "
    "the direction)"
)


def module() -> Module:
    """The armoured product, against an antigen that normal B cells do not have."""
    product = Product(
        "armoured-car-t",
        "armoured",
        "Armoured CAR T cells",
        barrier=0.3,
        brake=0.5,
        suppression=0.6,
        exhaustion=0.7,
        density=5.0,
        b_cells=0.0,
        bystander=0.1,
        severity=1.0,
        reason=_REASON,
    )
    plain, law = build(product), naming(product.prefix)
    cytokine = [
        Parameter(
            "armoured_reprogramming",
            0.02,
            "1/day",
            _REASON,
            meaning="turn of suppressive macrophages by the secreted cytokine at its typical level",
        ),
        Modulation(
            "inflammatory_drive",
            law(lambda rate, level: rate * level / (1 + level), "_reprogramming", "_cytokine"),
            "the secreted cytokine turns macrophages",
        ),
    ]
    return Module(plain.name, [*plain.parts, *cytokine], title=plain.title, source=plain.source)
