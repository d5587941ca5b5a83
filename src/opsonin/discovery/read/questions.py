"""What a mapping asks: [discovery], every key checked; its sections for targets and plasticity are read where asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Discovery(BaseModel):
    """[discovery] of a mapping.

    unit: the patient ("subject"); "sample" only to reproduce a publication that took samples.   test: of means, or of
    ranks.   fewest: cells that a sample needs.   against: what log-ratios of a composition are to ("centred", "rest" or
    a label).   depth: "common" compares them at equally many cells of each sample, "own" at all it has.
    compare: a column of samples or subjects whose two `groups` are compared in the place of response.
    baseline: only samples of day 0 or earlier.   strata: a column of the subjects within which patients are
    exchanged.   annotate: by markers, also where cells are labelled.   doublets, map, integrate: see `prepare`.
    dots: genes of the dot plot.   targets, plasticity: sections of their own.
    """

    model_config = ConfigDict(extra="forbid")
    unit: Literal["subject", "sample"] = "subject"
    test: Literal["mean", "rank"] = "mean"
    fewest: int = Field(default=20, ge=1)
    against: str = "centred"
    depth: Literal["common", "own"] = "common"
    compare: str | None = None
    groups: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    baseline: bool = False
    strata: str | None = None
    integrate: Literal["none", "harmony", "combat"] = "none"
    annotate: bool = True
    doublets: bool | None = None
    map: bool = True
    dots: list[str] = Field(default_factory=list)
    targets: dict[str, Any] | None = None
    plasticity: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Discovery:
        if self.groups is not None and self.compare is None:
            raise ValueError(
                'groups are given without compare, the column that they stand in; write compare = "column"'
            )
        if self.integrate != "none" and not self.map:
            raise ValueError(f'integrate = "{self.integrate}" changes the map alone, and map = false; leave one out')
        return self
