"""Every error Opsonin raises on purpose.

    OpsoninError
    ├── UnitError            a unit that cannot be read or converted
    ├── ModelError           a model that does not hold together
    │   └── TherapyError     a user's own therapy that cannot be loaded or built
    ├── RegimenError         doses that cannot be given
    ├── SimulationError      an integration that cannot start
    ├── RecordError          a record folder or table that cannot be used
    ├── ImportDataError      foreign data or a mapping file that cannot be read
    ├── StudyError           a study file that cannot be used
    ├── DesignError          a design or an outcome text that makes no sense
    ├── CriteriaError        measurements that response or toxicity criteria cannot judge
    ├── FitError             targets or samples from which nothing can be fitted
    ├── AnalysisError        an analysis that the record cannot answer
    │   └── MonotoneLikelihoodError  a model whose estimate is infinite; a penalised one is finite
    ├── DiscoveryError       samples, or a mapping of them, from which nothing can be discovered
    └── ReportError          a report that cannot be written

The command line prints the message alone and exits with 2, so a message says what was wrong,
where (file, table, row, field) and what to do.
"""

from __future__ import annotations


class OpsoninError(Exception):
    """The base of every error a user can cause."""


class UnitError(OpsoninError, ValueError):
    """A unit that cannot be read, or a value that cannot be converted."""


class ModelError(OpsoninError, ValueError):
    """A model that does not hold together."""


class TherapyError(ModelError):
    """A user's own therapy that cannot be loaded or built."""


class RegimenError(OpsoninError, ValueError):
    """Doses that cannot be given."""


class SimulationError(OpsoninError, ValueError):
    """An integration that cannot start."""


class RecordError(OpsoninError, ValueError):
    """A record folder or table that cannot be used."""


class ImportDataError(OpsoninError, ValueError):
    """Foreign data or a mapping file that cannot be read."""


class StudyError(OpsoninError, ValueError):
    """A study file that cannot be used."""


class DesignError(OpsoninError, ValueError):
    """A design or an outcome text that makes no sense."""


class CriteriaError(OpsoninError, ValueError):
    """Measurements that response or toxicity criteria cannot judge."""


class FitError(OpsoninError, ValueError):
    """Targets or samples from which nothing can be fitted."""


class AnalysisError(OpsoninError, ValueError):
    """An analysis that the record cannot answer."""


class MonotoneLikelihoodError(AnalysisError):
    """A model without a finite estimate, as a covariate separates those with from those without the event."""


class DiscoveryError(OpsoninError, ValueError):
    """Samples that cannot be read, or a question that they cannot answer."""


class ReportError(OpsoninError, ValueError):
    """A report that cannot be written."""
