"""A therapy of which no dose has been given changes nothing: it modulates, moves and threatens nothing then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from opsonin.errors import TherapyError
from opsonin.model import Hazard, Model, Modulation, Module, Process, Quantity, Signal

NEUTRAL = {"product": 1.0, "sum": 0.0}
_WRITE = {
    "product": "what acts on a product signal is a factor, 1 where there is no drug: write 1 + effect or 1 - effect",
    "sum": "what acts on a sum signal is a term, 0 where there is no drug: write strength * effect",
    "process": "the rate of a therapy's process is 0 where there is no drug: multiply it by the drug or its effect",
    "hazard": "the rate of a therapy's hazard is 0 where there is no drug: multiply it by the effect",
}


class _Law(NamedTuple):
    """A law that acts on patients.   key: of its expression;   by: as the file has it;   how: a key of _WRITE."""

    part: Any
    key: str
    by: Any
    neutral: float
    how: str


def check_at_rest(module: Module, model: Model) -> None:
    """Looks at all by which the module acts, with its own species at 0, as they are before the first dose.

    That is every modulation, every hazard, and every process that moves species of others.   model: one that holds the
    module.   A law is left out that reads one of the module's species that patients have without a dose, such as cells
    that resist a drug.
    Raises: TherapyError for a factor other than 1, a term or a rate other than 0, as it would act on who is given
    nothing, and for a law that has no value without a dose.
    """
    import sympy  # here, as whoever only names therapies needs no algebra: it takes half a second to load

    from opsonin.model.trace import place, written_at

    symbolic, own = model.symbolic, {part.name for part in module.parts}
    initial = dict(zip(symbolic.species, symbolic.initial, strict=False))
    mine = [symbol for symbol in symbolic.state_symbols if symbol.name in own and symbol.name in initial]
    absent = {symbol: sympy.Integer(0) for symbol in mine if initial[symbol.name].is_zero}
    present = {*mine} - {*absent}
    quantities = {part.name: symbolic.written[f"quantity {part.name}"] for part, _ in model.parts(Quantity)}
    for part, key, by, neutral, how in _laws(module, model):
        law = _put_in(symbolic.written[key], quantities)
        if law.free_symbols & present:
            continue
        undosed = law.xreplace(absent)
        value = _number(undosed)
        where = f"{place(part, module.name)}{written_at(by)}"
        if value is None:
            raise TherapyError(
                f"{where} has no value before any dose is given, as it divides by nought, or takes the logarithm "
                "or the root of what is none; let it be defined where there is no drug, as laws.hill is; "
                f"{_WRITE[how]}."
            )
        if abs(value - neutral) > 1e-9:
            said = "depends on the patient" if undosed.free_symbols else f"is {value:g}"
            raise TherapyError(
                f"{where} {said} before any dose is given, and so would act on patients without the drug; "
                f"{_WRITE[how]}."
            )


def _laws(module: Module, model: Model) -> Iterator[_Law]:
    """What of the module acts on patients."""
    own = {part.name for part in module.parts}
    combined = {part.name: part.combine for part, _ in model.parts(Signal)}
    for number, (modulation, home) in enumerate(model.parts(Modulation)):
        if home == module.name:
            how = combined[modulation.signal]
            yield _Law(modulation, f"modulation {number} of {modulation.signal}", modulation.by, NEUTRAL[how], how)
    for process, home in model.parts(Process):
        if home == module.name and {species for species, *_ in process.stoichiometry} - own:
            yield _Law(process, f"process {process.name}", process.rate, 0.0, "process")
    for hazard, home in model.parts(Hazard):
        if home == module.name:
            yield _Law(hazard, f"hazard {hazard.name}", hazard.rate, 0.0, "hazard")


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
