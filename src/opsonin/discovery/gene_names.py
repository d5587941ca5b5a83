"""Gene symbols as older tables write them, brought to the current ones.

Two habits are mended: R turns the hyphen of a name into a dot ("HLA.DRA"), and symbols change over the years ("SEPP1"
is SELENOP now). What is not known stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pandas as pd

_HYPHENS = r"^(HLA|MT|NKX\d|MIR|KRTAP\d+|ERV[A-Z]*)\."


def current_symbols(genes: Iterable[object]) -> list[str]:
    """The names with hyphens restored and former symbols replaced, in the order given."""
    text = pd.Series([str(g).strip() for g in genes], dtype=object)
    text = text.str.replace(_HYPHENS, r"\1-", regex=True)
    return text.replace(former_symbols()).tolist()


@cache
def former_symbols() -> dict[str, str]:
    """Former symbol → current symbol, of the genes in surface.csv."""
    from opsonin.discovery.surface import facts

    known = facts()
    named = known[known["formerly"] != ""]
    return dict(zip(named["formerly"], named.index, strict=True))
