"""A therapy of which no dose has been given changes nothing: its modulations are neutral then."""

from __future__ import annotations

from typing import Any

from opsonin.errors import TherapyError
from opsonin.model import Model, Modulation, Module, Quantity, Signal

NEUTRAL = {"product": 1.0, "sum": 0.0}
_WRITE = {
    "product": "what acts on a product signal is a factor, 1 where there is no drug: write 1 + effect or 1 - effect",
    "sum": "what acts on a sum signal is a term, 0 where there is no drug: write strength * effect",
}


def check_at_rest(module: Module, model: Model) -> None:
    """Looks at every modulation of the module with its own species at 0, as they are before the first dose.

    model: one that holds the module.   A modulation is left out that reads one of its own species that patients have
    without a dose, such as cells that resist a drug.
    Raises: TherapyError for a factor other than 1 or a term other than 0, as it would act on who is given nothing.
    """
    import sympy  # here, as whoever only names therapies needs no algebra: it takes half a second to load

    from opsonin.model.trace import place, written_at

    symbolic, own = model.symbolic, {part.name for part in module.parts}
    initial = dict(zip(symbolic.species, symbolic.initial, strict=False))
    mine = [symbol for symbol in symbolic.state_symbols if symbol.name in own and symbol.name in initial]
    absent = {symbol: sympy.Integer(0) for symbol in mine if initial[symbol.name].is_zero}
    present = {*mine} - {*absent}
    quantities = {part.name: symbolic.written[f"quantity {part.name}"] for part, _ in model.parts(Quantity)}
    combined = {part.name: part.combine for part, _ in model.parts(Signal)}
    for number, (modulation, home) in enumerate(model.parts(Modulation)):
        if home != module.name:
            continue
        combine = combined[modulation.signal]
        law = _put_in(symbolic.written[f"modulation {number} of {modulation.signal}"], quantities)
        if law.free_symbols & present:
            continue
        undosed = law.xreplace(absent)
        value = _number(undosed)
        if value is None or abs(value - NEUTRAL[combine]) > 1e-9:
            said = "depends on the patient" if undosed.free_symbols else f"is {value:g}"
            raise TherapyError(
                f"{place(modulation, home)}{written_at(modulation.by)} {said} before any dose is given, and so would "
                f"act on patients without the drug; {_WRITE[combine]}."
            )


def _put_in(law: Any, quantities: dict[str, Any]) -> Any:
    """The law with quantities put in, down to species, constants and signals; circles have been refused before."""
    while inside := [symbol for symbol in law.free_symbols if symbol.name in quantities]:
        law = law.xreplace({symbol: quantities[symbol.name] for symbol in inside})
    return law


def _number(law: Any) -> float | None:
    """The law's value at odd numbers for whatever is left in it; None where it has none (0/0 without a dose)."""
    import sympy

    odd = {symbol: sympy.Float(0.37 + 0.61 * k) for k, symbol in enumerate(sorted(law.free_symbols, key=str), start=1)}
    value = law.xreplace(odd)
    return float(value) if value.is_number and value.is_real else None
