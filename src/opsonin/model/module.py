"""Modules of named parts, and models made by their union."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError
from opsonin.model.checks import describe, named
from opsonin.model.parts import SYMBOLS, Modulation, Part

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel


@dataclass(frozen=True)
class Module:
    """Named parts that belong together: an agent, a compartment of biology, a tumour.

    parts: the parts, in any order and nesting of lists.
    """

    name: str
    parts: Iterable[Any]
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        named(self)
        object.__setattr__(self, "parts", tuple(_flat(self.parts)))
        for part in self.parts:
            if not isinstance(part, Part):
                raise ModelError(
                    f"module {self.name!r} holds {part!r}, which is no part of a model; parts are Parameter, "
                    "Covariate, Input, Species, Quantity, Signal, Process, Modulation, Event, Hazard, Observable and "
                    "Administration."
                )

    def __add__(self, other: Module | Model) -> Model:
        return Model([self, other])

    def at(self, site: str, shared: Iterable[str | type] = ()) -> Module:
        """The same biology at a further site: `tumour.at("lesion 2", shared=[Parameter, "exhaustion"])`.

        Every name the module defines gets the site's ("C" becomes "C_at_lesion_2", process "growth" "growth at
        lesion 2") except those in shared, by name or by kind; names it only uses stay as they are. See
        `opsonin.model.repeated`. Raises: ModelError.
        """
        from opsonin.model.repeated import repeated

        return repeated([self], site, shared)[0]

    def replacing(self, *parts: Part) -> Module:
        """The module with other parts of the same names: a clone's own growth rate. Raises: ModelError."""
        from opsonin.model.repeated import replaced

        return replaced(self, parts)


@dataclass(frozen=True, eq=False)
class Model:
    """The union of modules. Made once, then traced on first use of `symbolic`.

    Raises: ModelError where two modules define the same name differently, naming both.
    """

    modules: Iterable[Any]

    def __post_init__(self) -> None:
        given = [self.modules] if isinstance(self.modules, Module | Model) else list(self.modules)
        modules = [m for item in given for m in (item.modules if isinstance(item, Model) else (item,))]
        for module in modules:
            if not isinstance(module, Module):
                raise ModelError(f"a model is made of modules; {module!r} is none.")
        object.__setattr__(self, "modules", tuple(modules))
        object.__setattr__(self, "_parts", _union(modules))

    def __add__(self, other: Module | Model) -> Model:
        return Model([self, other])

    def parts(self, *kinds: type) -> list[tuple[Any, str]]:
        """The parts of these kinds (all where none is named), each with the name of the module that defines it."""
        every: list[tuple[Any, str]] = self.__dict__["_parts"]
        return [(part, module) for part, module in every if not kinds or isinstance(part, kinds)]

    def at(self, site: str, shared: Iterable[str | type] = ()) -> Model:
        """All modules together at a further site: what one defines and another uses is the site's for both."""
        from opsonin.model.repeated import repeated

        return Model(repeated(list(self.modules), site, shared))

    @cached_property
    def symbolic(self) -> SymbolicModel:
        """The model as SymPy expressions in coherent units.

        Raises: ModelError for unknown names, undeclared signals, wrong dimensions and circular definitions.
        """
        from opsonin.model.symbolic import trace_model

        return trace_model(self)

    def initial_state(self, constants: Float[np.ndarray, "patient constant"]) -> Float[np.ndarray, "patient state"]:
        """The state each patient starts from. Raises: ModelError naming species and row where it is negative."""
        from opsonin.model.evaluate import initial_state

        return initial_state(self.symbolic, constants)

    def observe(
        self,
        names: Sequence[str],
        states: Float[np.ndarray, "patient time state"],
        constants: Float[np.ndarray, "patient constant"],
        times: Float[np.ndarray, "... time"],
        inputs: Mapping[str, Any] | None = None,
    ) -> Float[np.ndarray, "patient time observable"]:
        """The true values of the named observables, in their units.

        inputs: the values (patient, time) of inputs that are not at their default.
        """
        from opsonin.model.evaluate import observe

        return observe(self.symbolic, names, states, constants, times, inputs)

    def reference(
        self,
        constants: Float[np.ndarray, " constant"],
        events: Sequence[tuple[Any, ...]],
        times: Float[np.ndarray, " time"],
        **options: Any,
    ) -> Float[np.ndarray, "time state"]:
        """One patient by the uncompiled path: slow, independent of the kernels. See `opsonin.model.reference`."""
        from opsonin.model.reference import reference

        return reference(self, constants, events, times, **options)

    def explain(self) -> dict[str, Any]:
        """The model as tables and equations, in plain JSON values. See `opsonin.model.explain`."""
        from opsonin.model.explain import explain

        return explain(self)

    def equations(self) -> list[tuple[str, str]]:
        """(state, right-hand side in LaTeX) for every state, as the laws were written."""
        from opsonin.model.explain import equations

        return equations(self)

    def diagram_edges(self) -> list[dict[str, str]]:
        """The arrows of the model's diagram. See `opsonin.model.explain`."""
        from opsonin.model.explain import diagram_edges

        return diagram_edges(self)

    def diagram(self, title: str = "") -> str:
        """The model's flow diagram as a Graphviz graph. See `opsonin.model.diagram` for what it shows."""
        from opsonin.model.dot import dot

        return dot(self, title)

    def mass_balance(self, weights: Mapping[str, float | int]) -> dict[str, float]:
        """What each process makes (+) or loses (−) of a conserved whole, per unit of its rate.

        weights: how much of the whole one unit of each species holds (1 where all are in the same unit). A process
        that moves material within the species given has 0; entry and loss do not.
        """
        from opsonin.model.evaluate import mass_balance

        return mass_balance(self, weights)


def same_part(one: Part, other: Part) -> bool:
    """Whether two parts say the same; laws are the same where their code and what it closes over are."""
    return type(one) is type(other) and all(
        _same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)
    )


def _union(modules: Iterable[Module]) -> list[tuple[Part, str]]:
    """Parts in order of first appearance, each once, with the module that brought it first."""
    seen: dict[tuple[str, ...], tuple[Part, str]] = {}
    for module in modules:
        repeats: dict[str, int] = {}
        for part in module.parts:
            if isinstance(
                part, Modulation
            ):  # modules modulate one signal together; only a repeated module does so twice
                repeats[part.name] = repeats.get(part.name, 0) + 1
                key = ("modulation", module.name, part.name, str(repeats[part.name]))
            else:
                key = ("symbol" if isinstance(part, SYMBOLS) else type(part).__name__, part.name)
            known = seen.setdefault(key, (part, module.name))
            if not same_part(known[0], part):
                first = f"{describe(known[0])} of module {known[1]!r}"
                raise ModelError(
                    f"{first} and {describe(part)} of module {module.name!r} have the same name but differ; "
                    "rename one, or make both read the same."
                )
    return list(seen.values())


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        return (
            one.__code__ == other.__code__
            and _same(one.__defaults__, other.__defaults__)
            and _same(one.__kwdefaults__, other.__kwdefaults__)
            and _same(_closed_over(one), _closed_over(other))
        )
    if type(one) is not type(other):
        return isinstance(one, float | int) and isinstance(other, float | int) and one == other
    if dataclasses.is_dataclass(one):
        return all(_same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _closed_over(law: Callable[..., Any]) -> tuple[Any, ...]:
    return tuple(cell.cell_contents for cell in getattr(law, "__closure__", None) or ())


def _flat(items: Iterable[Any]) -> list[Any]:
    return [part for item in items for part in (_flat(item) if isinstance(item, list | tuple) else [item])]
