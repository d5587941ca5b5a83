"""Bundled studies, what they were calibrated to, and their comparison with the published trials."""
