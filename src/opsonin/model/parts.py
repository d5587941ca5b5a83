"""The named parts a model is made of. Plain values: nothing is evaluated until a model is traced.

A law (rate, expression, `by`, …) is a plain function that receives what it uses by argument name: parameters,
covariates, inputs, species, quantities and signals of the whole model, and `t`, the time in days. It is written with
`opsonin.model.laws` in place of `math`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from opsonin.errors import ModelError
from opsonin.model import checks
from opsonin.model.changes import Event, Input
from opsonin.model.checks import Law, Number
from opsonin.model.spreads import LogitNormal, LogNormal, Spread

Ends = str | Sequence[str] | Mapping[str, Number | Law] | None
Role = Literal["adverse event", "death", "drop-out", "new lesion"]


@dataclass(frozen=True)
class Parameter:
    """A number with its unit and where it comes from.

    source: a publication, or a text that starts with "assumed" or "calibrated" and says why or to what.
    lower, upper: plausibility limits, in the parameter's unit.
    """

    name: str
    value: Number
    unit: str
    source: str
    spread: Spread | None = None
    meaning: str = ""
    lower: Number | None = None
    upper: Number | None = None

    def __post_init__(self) -> None:
        checks.identifier(self)
        if not isinstance(self.source, str) or not self.source.strip():
            raise ModelError(
                f"parameter {self.name!r} has no source{'' if self.source == '' else f', but {self.source!r}'}; name a "
                "publication, or write 'assumed: …' or 'calibrated to …'."
            )
        checks.finite(self, "value", self.value)
        if not isinstance(self.spread, Spread | None):
            raise ModelError(
                f"parameter {self.name!r}: its spread between patients is {self.spread!r}; write LogNormal(cv), "
                "Normal(sd) or LogitNormal(sd), or leave it out, and `meaning` by name."
            )
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        if not low <= self.value <= high:
            raise ModelError(
                f"parameter {self.name!r}: its value {self.value} {self.unit} is outside its limits [{low}, {high}]."
            )
        if isinstance(self.spread, LogNormal) and self.value <= 0:
            raise ModelError(f"parameter {self.name!r}: a LogNormal spread needs a positive value, not {self.value}.")
        if isinstance(self.spread, LogitNormal) and not 0 < self.value < 1:
            raise ModelError(
                f"parameter {self.name!r}: a LogitNormal spread needs a value in (0, 1), not {self.value}."
            )

    @property
    def kind(self) -> Literal["assumed", "calibrated", "published"]:
        """How the value is known, by the first word of its source."""
        text = self.source.strip().lower()
        if text.startswith("assumed"):
            return "assumed"
        return "calibrated" if text.startswith("calibrated") else "published"


@dataclass(frozen=True)
class Covariate:
    """A constant of each patient, known at baseline; `typical` is its value in the typical patient."""

    name: str
    unit: str
    typical: Number
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.identifier(self)
        checks.finite(self, "typical", self.typical)


@dataclass(frozen=True)
class Species:
    """What is counted or measured: a state of the differential equations.

    initial: a number in `unit`, or a law of parameters, covariates and quantities made of those.
    scale: a typical size in `unit`, for absolute tolerances; where None the initial value, or 1 if that is 0.
    """

    name: str
    unit: str
    initial: Number | Law = 0.0
    meaning: str = ""
    nonnegative: bool = True
    scale: Number | None = None

    def __post_init__(self) -> None:
        checks.identifier(self)
        if not callable(self.initial):
            checks.finite(self, "initial", self.initial)
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise ModelError(f"species {self.name!r}: scale must be positive, not {self.scale}.")


@dataclass(frozen=True)
class Quantity:
    """Derived from others at every moment: a volume, a concentration, a receptor occupancy."""

    name: str
    expression: Law
    unit: str
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.identifier(self)
        checks.law(self, "expression", self.expression)


@dataclass(frozen=True)
class Derived(Quantity):
    """A constant of each patient that follows from parameters, covariates and other derived constants.

    It is computed once, before a patient is simulated; a quantity is put into every law that names it.
    """


@dataclass(frozen=True)
class Process:
    """One arrow of biology: `rate` is taken from what it consumes and given to what it produces.

    consumes, produces: a species, several, or {species: coefficient}; a coefficient is a number or a law of
    parameters (a molar-mass ratio). Rate × coefficient has the species' unit per time.
    """

    name: str
    rate: Law
    consumes: Ends = None
    produces: Ends = None
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.named(self)
        checks.law(self, "rate", self.rate)
        if not self.stoichiometry:
            raise ModelError(f"process {self.name!r} neither consumes nor produces a species; name at least one.")

    @property
    def stoichiometry(self) -> tuple[tuple[str, int, Number | Law], ...]:
        """(species, sign, coefficient) of every arrow end, the consumed ones first with sign −1."""
        ends = [(species, -1, coefficient) for species, coefficient in _coefficients(self.consumes)]
        return (*ends, *((species, +1, coefficient) for species, coefficient in _coefficients(self.produces)))


@dataclass(frozen=True)
class Signal:
    """A declared point at which modules modulate biology; unmodulated it is 1 (product) or 0 (sum).

    A product of dimensionless factors states that the modulations act independently (Bliss).
    """

    name: str
    combine: Literal["product", "sum"] = "product"
    unit: str = "dimensionless"
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.identifier(self)
        if self.combine not in ("product", "sum"):
            raise ModelError(f"signal {self.name!r}: combine must be 'product' or 'sum', not {self.combine!r}.")

    @property
    def neutral(self) -> int:
        """The value where nothing modulates the signal."""
        return 1 if self.combine == "product" else 0


@dataclass(frozen=True)
class Modulation:
    """One module's contribution to a signal that is declared anywhere in the model."""

    signal: str
    by: Law
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.text(self, "signal")
        checks.law(self, "by", self.by)

    @property
    def name(self) -> str:
        """The signal modulated; a modulation has no name of its own."""
        return self.signal


@dataclass(frozen=True)
class Hazard:
    """A rate (1/day) whose integral H crosses a patient's own exponential draw E: toxicity, death, drop-out.

    grades: {grade: share}. A patient has an event of at least grade g from the moment H · share_g ≥ E, so that
    P(grade ≥ g by t) = 1 − exp(−share_g · H(t)). The lowest grade has share 1, higher grades at most that of the
    grade below. Without grades there is one threshold of share 1.
    dlt: the grade from which the module's author regards the event as dose-limiting.
    """

    name: str
    rate: Law
    term: str
    role: Role = "adverse event"
    grades: Mapping[int, Number] = field(default_factory=dict)
    dlt: int | None = None
    related: bool = True
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.named(self)
        checks.law(self, "rate", self.rate)
        shares = [self.grades[grade] for grade in sorted(self.grades)]
        if any(grade not in (1, 2, 3, 4, 5) for grade in self.grades):
            raise ModelError(f"hazard {self.name!r}: grades are 1 to 5, not {sorted(self.grades)}.")
        if shares and shares[0] != 1.0:
            raise ModelError(f"hazard {self.name!r}: the share of its lowest grade is 1.0, not {shares[0]}.")
        if any(share <= 0 for share in shares) or any(b > a for a, b in pairwise(shares)):
            raise ModelError(f"hazard {self.name!r}: shares are positive and fall with the grade; these are {shares}.")
        if self.dlt is not None and not 1 <= self.dlt <= 5:
            raise ModelError(f"hazard {self.name!r}: dlt is a grade from 1 to 5, not {self.dlt}.")

    @property
    def thresholds(self) -> tuple[tuple[int | None, float], ...]:
        """(grade, share) from the lowest grade up; (None, 1.0) where the hazard has no grades."""
        return tuple((grade, float(self.grades[grade])) for grade in sorted(self.grades)) or ((None, 1.0),)


@dataclass(frozen=True)
class Assay:
    """What lies between the truth and the number in the record.

    cv: coefficient of variation of the measurement.   lower_limit: of quantification, in the observable's unit.
    cells_counted: events acquired by flow cytometry; a subset is then counted with Poisson error.
    """

    cv: Number = 0.0
    lower_limit: Number | None = None
    cells_counted: Number | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("cv", "lower_limit", "cells_counted"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ModelError(f"assay: {name} must be a number of at least 0, not {value!r}.")


@dataclass(frozen=True)
class Observable:
    """What a clinic would measure of the state; `name` is the text written to the record (analyte, marker)."""

    name: str
    table: Literal["concentrations", "measurements", "lesions"]
    expression: Law
    unit: str
    assay: Assay | None = None
    matrix: str = "plasma"
    compartment: str = "blood"
    panel: str = ""
    agent: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        checks.named(self)
        checks.law(self, "expression", self.expression)
        if not isinstance(self.assay, Assay | None):
            raise ModelError(
                f"observable {self.name!r}: its assay is {self.assay!r}; write Assay(cv=0.1), or leave it out, and "
                "`matrix`, `compartment` and `panel` by name."
            )
        if self.table not in ("concentrations", "measurements", "lesions"):
            raise ModelError(
                f"observable {self.name!r}: table must be 'concentrations', 'measurements' or 'lesions', "
                f"not {self.table!r}."
            )


@dataclass(frozen=True)
class Administration:
    """Where a dose of an agent by a route lands.

    fraction: the share that arrives (bioavailability), a number or a law.
    unit_factor: a law that takes a dose to the species' dimension (a specific activity, 1 / molar mass); where None
    the dose has the dimension of the species.
    lag: how long after it is taken a dose begins to arrive; days, or a law in any unit of time.
    duration, rate: a dose whose length is not prescribed arrives evenly over this time (days, or a law in any unit of
    time), or at this rate of what arrives (a law in the species' unit per time); where both are None at once.
    product: of one made for each patient, what a batch's figures are in the model, by the column of the record's
    `products` that holds them, such as {"viability_fraction": "p21_viability"}.
    """

    agent: str
    route: str
    into: str
    fraction: Number | Law = 1.0
    unit_factor: Law | None = None
    meaning: str = ""
    lag: Number | Law = 0.0
    duration: Number | Law | None = None
    rate: Law | None = None
    product: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("agent", "route", "into"):
            checks.text(self, name)
        for name in ("fraction", "lag", "duration"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                checks.finite(self, name, value)
        for name in ("unit_factor", "rate"):
            if getattr(self, name) is not None:
                checks.law(self, name, getattr(self, name))
        if self.duration is not None and self.rate is not None:
            raise ModelError(f"administration {self.name!r} has a duration and a rate; one follows from the other.")

    @property
    def name(self) -> str:
        """The agent and its route, which together name an administration."""
        return f"{self.agent}, {self.route}"


Symbol = Parameter | Covariate | Input | Species | Quantity | Signal
Part = Symbol | Process | Modulation | Event | Hazard | Observable | Administration
SYMBOLS = (Parameter, Covariate, Input, Species, Quantity, Signal)  # the parts a law may name; they share one namespace


def _coefficients(ends: Ends) -> list[tuple[str, Number | Law]]:
    if ends is None:
        return []
    if isinstance(ends, str):
        return [(ends, 1)]
    return list(ends.items()) if isinstance(ends, Mapping) else [(species, 1) for species in ends]
