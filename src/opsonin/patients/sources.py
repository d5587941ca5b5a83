"""Where the values that indications give to parameters come from, read from `sources.toml` beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def sources_of(indication: str, core: str) -> Mapping[str, str]:
    """By parameter.   core: of the indication; what holds for all is about the full one."""
    own = dict(_all().get(indication, {}))
    like = own.pop("like", None)
    usual = _all()["every"] if core == "full" else {}
    return {**usual, **({} if like is None else sources_of(like, core)), **own}


@cache
def _all() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("opsonin.patients").joinpath("sources.toml").read_text(encoding="utf-8"))
