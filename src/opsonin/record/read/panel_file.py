"""The panel file of `opsonin gate`: TOML that says which tube is whose, which gates are markers, how to count."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from opsonin.errors import ImportDataError
from opsonin.record.schema import near

NEEDS = {
    "beads": ("gate", "beads", "blood_ul"),
    "volume": ("blood_ul",),
    "lymphocytes": ("gate", "lymphocytes_per_ul"),
    "percent": (),
}
NumberOrColumn = float | str


class Counting(BaseModel):
    """How events become cells per µl of blood.

    beads: counting beads added to the tube (single platform): cells/µl = events / bead events × beads / blood_ul.
    volume: the instrument measures what it draws: cells/µl = events / blood_ul, the blood in what was drawn.
    lymphocytes: a haematology analyser's count (two platforms): cells/µl = events / lymphocyte events × count.
    percent: nothing is counted; only shares of other gates can be given.
    A number stands for all tubes; a text names a column of the samples, or of the FCS file's keywords ("$VOL").
    """

    model_config = ConfigDict(extra="forbid")
    method: Literal["beads", "volume", "lymphocytes", "percent"]
    gate: str | None = None
    beads: NumberOrColumn | None = None
    blood_ul: NumberOrColumn | None = None
    lymphocytes_per_ul: NumberOrColumn | None = None

    @model_validator(mode="after")
    def _what_it_needs(self) -> Counting:
        keys = ("gate", "beads", "blood_ul", "lymphocytes_per_ul")
        given = [key for key in keys if getattr(self, key) is not None]
        lacking = [key for key in NEEDS[self.method] if key not in given]
        spare = [key for key in given if key not in NEEDS[self.method]]
        if lacking:
            raise ValueError(f"method {self.method!r} needs {lacking[0]}")
        if spare:
            raise ValueError(f"method {self.method!r} does not use {spare[0]}")
        for key in keys[1:]:
            value = getattr(self, key)
            if not isinstance(value, str) and value is not None and not value > 0:
                raise ValueError(f"{key} is {value:g}; it must be above 0")
        return self


class Population(BaseModel):
    """A marker: the events of a gate per µl, or as percent of another gate."""

    model_config = ConfigDict(extra="forbid")
    gate: str
    percent_of: str | None = None


def _gate(value: object) -> object:
    return {"gate": value} if isinstance(value, str) else value


class Panel(BaseModel):
    """A panel file. Paths are relative to it."""

    model_config = ConfigDict(extra="forbid")
    title: str = ""
    strategy: str
    template: str | None = None
    samples: str
    folder: str = "."
    compartment: str = "blood"
    columns: dict[str, str] = Field(default_factory=dict)
    missing: list[str] = Field(default_factory=list)
    counting: Counting
    markers: Annotated[dict[str, Annotated[Population, BeforeValidator(_gate)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _counts(self) -> Panel:
        known = ("file", "subject_id", "day", "protocol_day", "level", "arm")
        for name in self.columns:
            if name not in known:
                raise ValueError(f"columns: unknown column {name!r}{near(name, known)}; it knows {', '.join(known)}")
        if self.counting.method == "percent":
            for name, one in self.markers.items():
                if one.percent_of is None:
                    raise ValueError(f"markers: {name!r} needs percent_of, as nothing is counted")
        return self


def read_panel(path: Path) -> Panel:
    """Read a panel file.

    Raises: ImportDataError, naming the file, the key and what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ImportDataError(f"the panel file {path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise ImportDataError(f"the panel file {path} is not UTF-8 text ({problem.reason}).") from problem
    try:
        return Panel.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        raise ImportDataError(f"{path} is no TOML: {problem}.") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] == "missing":
            said = "it is missing; a panel file has strategy, samples, [counting] and [markers]"
        hint = near(str(first["loc"][-1]), Panel.model_fields) if first["type"] == "extra_forbidden" else ""
        raise ImportDataError(f"{path}, {key or 'the file'}: {said}{hint}.") from None
