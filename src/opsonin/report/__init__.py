"""The report: a record, its manifest and its findings become one HTML file for the people who decide."""

from opsonin.report.write import write_report

__all__ = ["write_report"]
