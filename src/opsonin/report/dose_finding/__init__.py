"""What a protocol needs on its dose-finding design: one document as HTML, Word and CSV, and pathways as a picture."""

from opsonin.report.dose_finding.content import About, document
from opsonin.report.dose_finding.pathway_tree import pathway_tree
from opsonin.report.dose_finding.write import write_comparison

__all__ = ["About", "document", "pathway_tree", "write_comparison"]
