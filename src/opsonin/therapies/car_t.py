"""T cells with a chimeric antigen receptor (CAR) as products: against CD19, and against an antigen of solid tumours.

Both share the laws of `car_t_kinetics` and `car_t_effects`, and so does `armoured_car_t`.
"""

from __future__ import annotations

from opsonin.model import Module
from opsonin.therapies.car_t_effects import effects
from opsonin.therapies.car_t_kinetics import kinetics
from opsonin.therapies.car_t_parameters import STEIN, Product


def build(product: Product) -> Module:
    """The module of a product."""
    return Module(product.agent, [*kinetics(product), *effects(product)], title=product.title, source=STEIN)


def module() -> Module:
    """CAR T cells against CD19, as tisagenlecleucel: B-cell leukaemias, and normal B cells too."""
    return build(
        Product(
            "car-t",
            "car",
            "CAR T cells against CD19",
            barrier=300.0,
            brake=1.0,
            suppression=1.0,
            exhaustion=1.0,
            density=5.0,
            b_cells=1.0,
            bystander=0.0,
            severity=1.0,
            reason="assumed: CD19 is plentiful on every B cell",
        )
    )


def solid() -> Module:
    """The same cells against an antigen of solid tumours that normal B cells do not have."""
    return build(
        Product(
            "car-t-solid",
            "car_solid",
            "CAR T cells against an antigen of solid tumours",
            barrier=300.0,
            brake=1.0,
            suppression=1.0,
            exhaustion=1.0,
            density=2.0,
            b_cells=0.0,
            bystander=0.0,
            severity=0.1,
            reason="assumed: antigens of solid tumours are less dense and less even than CD19",
        )
    )
