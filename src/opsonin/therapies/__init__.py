"""Agents, one module each; a user's own is a Python file with one function that returns a Module."""

from __future__ import annotations

from opsonin.therapies.at_rest import check_at_rest
from opsonin.therapies.loading import REGISTRY, load_agent, names

__all__ = ["REGISTRY", "check_at_rest", "load_agent", "names"]
