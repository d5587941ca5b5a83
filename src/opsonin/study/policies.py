"""The `[[policy]]` tables of a study file: what is done with doses on what is observed, and how long events last."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from opsonin.study.texts import Duration

EVENTS = ("progression", "DLT")
_SIGNS = {"≤": "<=", "≥": ">="}
_FORM = re.compile(
    r"\s*(?P<name>.*?\S)\s*(?P<sign><=|>=|<|>|≤|≥|=|==)\s*(?:grade\s*)?(?P<value>[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?)"
    r"\s*(?P<unit>.*?)\s*"
)
_EXAMPLES = "'fatigue >= 2', 'any >= 3', 'CD4+ < 200', 'imatinib > 3000 ng/ml', 'progression' or 'DLT'"


@dataclass(frozen=True)
class Condition:
    """What is looked for.   name: an adverse event, a marker, a drug, "grade", or one of EVENTS (without a value)."""

    text: str
    name: str
    sign: Literal["<", "<=", ">", ">="] | None = None
    value: float = 0.0
    unit: str = ""

    @property
    def is_event(self) -> bool:
        return self.sign is None

    @classmethod
    def read(cls, text: object) -> Condition:
        """From "fatigue >= 2", "CD4+ < 200 cells/µl", "progression" or "DLT".

        Raises: ValueError for what is none of these.
        """
        if not isinstance(text, str):
            raise ValueError(f"an occasion is a text such as {_EXAMPLES}, not {text!r}")
        plain = re.sub(r"[\s_-]+", " ", text).strip().casefold()
        for event, spelt in zip(EVENTS, (("progression",), ("dlt", "dose limiting toxicity")), strict=True):
            if plain in spelt:
                return cls(event, event)
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"the occasion {text!r} cannot be read; write {_EXAMPLES}")
        if match["sign"] in ("=", "=="):
            raise ValueError(f"{text!r} asks for one exact value; write >= or <= instead of {match['sign']}")
        if "," in match["value"]:
            raise ValueError(f"{text!r} has a comma in its number; write a point for decimals")
        if not math.isfinite(float(match["value"])):
            raise ValueError(f"the number in {text!r} is too large")
        sign = _SIGNS.get(match["sign"], match["sign"])
        return cls(text.strip(), match["name"], sign, float(match["value"]), match["unit"])  # type: ignore[arg-type]


@dataclass(frozen=True)
class Step:
    """A reduction.   keep: what is left of the dose (0.75 of "25 %"), None for so many `levels` of the ladder down."""

    text: str
    keep: float | None
    levels: int = 0

    @classmethod
    def read(cls, text: object) -> Step:
        """From "25 %" or "1 level".   Raises: ValueError for anything else."""
        form = "write '25 %' (of the dose so far) or '1 level' (of the ladder)"
        if not isinstance(text, str):
            raise ValueError(f"a reduction is a text, not {text!r}; {form}")
        share = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:%|percent)\s*", text)
        if share:
            if not 0 < float(share[1]) < 100:
                raise ValueError(f"a reduction by {text!r} leaves nothing or all; {form}, or use hold or stop")
            return cls(text, 1 - float(share[1]) / 100)
        steps = re.fullmatch(r"\s*(\d+|one|two)\s*(?:dose\s+)?levels?\s*", text)
        number = {"one": 1, "two": 2}.get(steps[1], 0) or int(steps[1]) if steps else 0
        if not number:
            raise ValueError(f"the reduction {text!r} cannot be read; {form}")
        return cls(text, None, number)


def _conditions(value: object) -> tuple[Condition, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"is empty; write {_EXAMPLES}")
    return tuple(Condition.read(v) for v in values)


def _until(value: object) -> Condition:
    if isinstance(value, str) and value.strip().casefold() in ("confirmed", "confirmed progression"):
        return Condition("confirmed", "confirmed")
    return Condition.read(value)


class Policy(BaseModel):
    """One sentence of the protocol.

    agent: whose doses (all if left out);   when: the occasion, or several adverse events;   do: the answer;
    seen: adverse events at once or at the next visit;   until, at_most: how long a hold or a delay lasts;
    by: how much the dose is reduced;   times: how often before the agent is stopped.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    agent: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(min_length=1),
        BeforeValidator(lambda v: [v] if isinstance(v, str) else v),
    ] | None = None  # fmt: skip
    when: Annotated[InstanceOf[tuple], BeforeValidator(_conditions)]
    do: Literal["hold", "delay", "reduce", "stop", "continue"]
    seen: Literal["at once", "at visits"] = "at once"
    until: Annotated[InstanceOf[Condition], BeforeValidator(_until)] | None = None
    at_most: Annotated[InstanceOf[Duration], BeforeValidator(Duration.read)] | None = None
    by: Annotated[InstanceOf[Step], BeforeValidator(Step.read)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None


class AdverseEvents(BaseModel):
    """How long adverse events last, an assumption.   recovery: to fall by one grade (median);   spread: its CV."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    recovery: Annotated[InstanceOf[Duration], BeforeValidator(Duration.read)] = Duration.read("7 days")
    spread: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.5
