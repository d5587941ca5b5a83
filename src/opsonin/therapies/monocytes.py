"""Unmodified autologous monocytes, the control for engineered ones: they become macrophages like any others."""

from __future__ import annotations

from opsonin.model import Module
from opsonin.therapies.monocyte_kinetics import MORONI, monocytes_in_blood


def module() -> Module:
    """Monocytes as infused; in the tumour they are the tumour's inflammatory macrophages, which it turns."""
    return Module(
        "monocytes",
        monocytes_in_blood("monocytes", "monocyte_product", {"macrophage_inflammatory": 1}),
        title="Unmodified autologous monocytes",
        source=MORONI,
    )
