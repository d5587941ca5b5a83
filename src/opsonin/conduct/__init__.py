"""Conduct of a trial, virtual or real: outcomes so far, the design's decision, the record's `decisions`."""

from opsonin.conduct.conduct import Conduct, decision_row, decision_table

__all__ = ["Conduct", "decision_row", "decision_table"]
