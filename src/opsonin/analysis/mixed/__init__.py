"""Mixed models of repeated measurements, for trials of few patients: REML and ML, Satterthwaite, Kenward–Roger."""

from opsonin.analysis.mixed.model import INTERCEPT, Contrast, FTest, MixedFit, linear_model, mixed_model

__all__ = ["INTERCEPT", "Contrast", "FTest", "MixedFit", "linear_model", "mixed_model"]
