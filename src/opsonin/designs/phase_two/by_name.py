"""A phase II design by the name a study file gives it: when responses are counted, and what is decided on them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from opsonin.designs.phase_two.bop2 import bop2
from opsonin.designs.phase_two.inference import TwoStageInference, two_stage_inference
from opsonin.designs.phase_two.looks import Looks
from opsonin.designs.phase_two.predictive import predictive_probability_design
from opsonin.designs.phase_two.simon import simon
from opsonin.designs.phase_two.single_stage import single_stage
from opsonin.errors import DesignError


class Verdict(NamedTuple):
    """What is decided at a look.   action: "stay" (enrol the next patients), "stop" (too few responses) or "declare"
    (worth going on with), as a record's decisions say it."""

    action: str
    reason: str


@dataclass(frozen=True, eq=False)
class ResponseDesign:
    """One arm, looked at by responses counted.

    null, target: response rates of a drug not worth going on with, and of one that is.   rule: in words.
    """

    name: str
    null: float
    target: float
    looks: Looks
    rule: str

    @property
    def stages(self) -> list[int]:
        """Patients of the arm at each look, rising."""
        return [int(n) for n in self.looks.patients]

    def describe(self) -> str:
        """The design in two sentences: the rule, and what it does where the rate is either of the two."""
        poor, good = self.looks.at(self.null), self.looks.at(self.target)
        return (
            f"{self.rule} It calls a drug with a response rate of {_percent(self.null)} worth going on with in "
            f"{_percent(poor.go)} of trials ({poor.patients:.1f} patients on average), one with "
            f"{_percent(self.target)} in {_percent(good.go)} ({good.patients:.1f})."
        )

    def decide(self, look: int, responses: int) -> Verdict:
        """The decision at a look (from 0) with so many responses so far.

        Raises: DesignError for a look that the design does not have.
        """
        if not 0 <= look < len(self.stages):
            raise DesignError(f"the design {self.name!r} has {len(self.stages)} looks; look {look + 1} was asked for.")
        patients, futile = self.stages[look], int(self.looks.futile[look])
        seen = f"{responses} of {patients} responded"
        if look == len(self.stages) - 1:
            if responses > futile:
                return Verdict("declare", f"{seen}, more than {futile}: worth going on with")
            return Verdict("stop", f"{seen}, not more than {futile}: not worth going on with")
        if responses > futile:
            more = f", more than {futile}" if futile >= 0 else ""
            return Verdict("stay", f"{seen}{more}: enrol up to {self.stages[look + 1]} patients")
        return Verdict("stop", f"{seen}, not more than {futile}: stop for futility")

    def inference(self, responses: int, alpha: float = 0.05) -> TwoStageInference | None:
        """The response rate with the early look taken into account; None where there are not two stages."""
        if len(self.stages) != 2 or self.looks.futile[0] < 0:
            return None
        (n1, n), r1 = self.stages, int(self.looks.futile[0])
        return two_stage_inference(responses, r1, n1, n, self.null, alpha)


def _simon(null: float, target: float, alpha: float = 0.05, power: float = 0.80, choose: str = "optimal") -> Any:
    """Simon's two stages: an arm with too few responses in the first one stops."""
    if choose not in ("optimal", "minimax"):
        raise DesignError(f"choose = {choose!r} is not known; it is 'optimal' or 'minimax'.")
    found = getattr(simon(null, target, alpha, 1 - power), choose)
    rule = (
        f"Simon's {choose} two-stage design: an arm stops after {found.n1} patients with {_few(found.r1)}; more than "
        f"{_responses(found.r)} in {found.n} patients make the drug worth going on with."
    )
    return Looks(np.array([found.n1, found.n]), np.array([found.r1, found.r])), rule


def _single(null: float, target: float, alpha: float = 0.05, power: float = 0.80) -> Any:
    """One exact stage."""
    found = single_stage(null, target, alpha, 1 - power)[0]
    rule = (
        f"Exact single-stage design: more than {_responses(found.r)} in {found.n} patients make the drug worth going "
        "on with."
    )
    return Looks(np.array([found.n]), np.array([found.r])), rule


def _bop2(null: float, target: float, looks: list[int], alpha: float = 0.10) -> Any:
    """BOP2: several looks, stopping where the rate is too unlikely to lie above the null."""
    found = bop2(null, target, looks, alpha)
    return found.looks, f"BOP2: {_each(found.looks)}."


def _predictive(
    null: float, target: float, patients: int, looks: list[int], alpha: float = 0.05, power: float = 0.80
) -> Any:
    """Several looks, stopping where success at the end has become too unlikely."""
    found, _, _ = predictive_probability_design(null, target, patients, looks, alpha, 1 - power)
    return found, f"Predictive probability: {_each(found)}."


KINDS: dict[str, Callable[..., tuple[Looks, str]]] = {
    "simon": _simon,
    "single-stage": _single,
    "bop2": _bop2,
    "predictive": _predictive,
}


def response_design(given: Mapping[str, Any]) -> ResponseDesign:
    """The design of a table such as { name = "simon", null = 0.05, target = 0.20, alpha = 0.05, power = 0.80 }.

    simon: `choose` is "optimal" or "minimax";   single-stage;   bop2: `looks`, the last one the trial's size;
    predictive: `patients` and interim `looks`.
    Raises: DesignError for an unknown name or option, an option of the wrong kind, or rates that make no test.
    """
    options = dict(given)
    name = options.pop("name", None)
    if name not in KINDS:
        raise DesignError(f"there is no phase II design {name!r}{_near(str(name), KINDS)}.")
    make = KINDS[name]
    known = signature(make).parameters
    for option, value in options.items():
        if option not in known:
            raise DesignError(f"the phase II design {name!r} has no option {option!r}{_near(option, known)}.")
        _check(name, option, value)
    missing = [option for option, about in known.items() if about.default is about.empty and option not in options]
    if missing:
        raise DesignError(f"the phase II design {name!r} needs {' and '.join(missing)}; write for example {EXAMPLE}.")
    looks, rule = make(**options)
    return ResponseDesign(name, float(options["null"]), float(options["target"]), looks, rule)


EXAMPLE = '{ name = "simon", null = 0.05, target = 0.20 }'


def _check(name: str, option: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    right = {
        "choose": isinstance(value, str),
        "looks": isinstance(value, list) and bool(value) and all(type(n) is int and n > 0 for n in value),
        "patients": type(value) is int and value > 0,
    }.get(option, number and 0 < float(value) < 1)  # type: ignore[arg-type]
    wanted = {
        "choose": "a text",
        "looks": "a list of numbers of patients, such as [10, 20, 30]",
        "patients": "a number of patients",
    }.get(option, "a number between 0 and 1, such as 0.05")
    if not right:
        raise DesignError(f"{option} of the phase II design {name!r} must be {wanted}, not {value!r}.")


def _each(looks: Looks) -> str:
    pairs = zip(looks.patients.tolist(), looks.futile.tolist(), strict=True)
    said = [f"{_few(futile)} in {n} patients" for n, futile in pairs if futile >= 0]
    return f"an arm stops with {', '.join(said)}, and is worth going on with otherwise"


def _few(most: int) -> str:
    return "no response" if most == 0 else f"{_responses(most)} or fewer"


def _responses(count: int) -> str:
    return f"{count} response" if count == 1 else f"{count} responses"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _near(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there is {', '.join(known)}"
