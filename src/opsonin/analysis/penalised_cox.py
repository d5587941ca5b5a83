"""Cox's model with ridge, lasso or elastic-net penalty, along a path of penalties.

Minimised is −l(β)/n + λ (α Σ|β| + (1 − α)/2 Σβ²), l being Breslow's partial likelihood: Simon, Friedman, Hastie &
Tibshirani (2011), J Stat Softw 39(5), equation 2 (there with a factor of two).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import AnalysisError

PRECISION, GRADIENT = 1e-12, 1e-7  # of the objective (relative) and of its slope
FARTHEST = 300.0  # a linear predictor beyond this says that the likelihood has no top
STEPS = 5000


class PartialLoss:
    """−l/n as a function of the linear predictor, with its gradient; Breslow ties, within strata."""

    def __init__(self, time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], strata: Int[np.ndarray, " n"]):
        self.n, self.event = time.size, event
        self.parts = []
        for code in np.unique(strata):
            rows = np.flatnonzero(strata == code)
            rows = rows[np.argsort(time[rows], kind="stable")]
            if event[rows].any():
                own = time[rows]
                self.parts.append(
                    (rows, np.searchsorted(own, own, side="left"), np.searchsorted(own, own, side="right") - 1)
                )

    def __call__(self, linear: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """The loss and its derivative by each patient's linear predictor."""
        value, gradient = 0.0, np.zeros(self.n)
        for rows, first, last in self.parts:
            eta, d = linear[rows], self.event[rows]
            shift = float(eta.max())
            risk = np.exp(np.maximum(eta - shift, -700.0))
            at_risk = np.cumsum(risk[::-1])[::-1][first]
            value -= float((eta[d] - shift - np.log(at_risk[d])).sum())
            hazard = np.cumsum(np.where(d, 1.0 / at_risk, 0.0))[last]
            gradient[rows] = risk * hazard - d
        return value / self.n, gradient / self.n


def penalised_cox(
    loss: PartialLoss, x: Float[np.ndarray, "n k"], penalties: Float[np.ndarray, " penalty"], mixture: float
) -> Float[np.ndarray, "penalty k"]:
    """Coefficients for each penalty λ, from the largest on, each from where the last one ended. x is standardised.

    mixture: α, from 0 (ridge) to 1 (lasso). The lasso's corners are met as limits of a positive and a negative part.
    Raises: AnalysisError where a penalty is so small that no optimum is found.
    """
    from scipy.optimize import minimize

    k = x.shape[1]
    ridge_alone = mixture == 0  # then nothing has corners, and one part does for both signs
    out, at = np.zeros((penalties.size, k)), np.zeros(k if ridge_alone else 2 * k)

    def objective(parts: np.ndarray, lasso: float, ridge: float) -> tuple[float, np.ndarray]:
        beta = parts if ridge_alone else parts[:k] - parts[k:]
        value, by_patient = loss(x @ beta)
        slope = x.T @ by_patient + ridge * beta
        whole = value + 0.5 * ridge * float(beta @ beta)
        if ridge_alone:
            return whole, slope
        return whole + lasso * float(parts.sum()), np.concatenate([slope + lasso, lasso - slope])

    for step, penalty in enumerate(penalties):
        found = minimize(
            objective,
            at,
            args=(float(penalty) * mixture, float(penalty) * (1 - mixture)),
            jac=True,
            method="L-BFGS-B",
            bounds=None if ridge_alone else [(0.0, None)] * (2 * k),
            options={"maxiter": STEPS, "maxfun": 4 * STEPS, "ftol": PRECISION, "gtol": GRADIENT},
        )
        at = found.x
        out[step] = at if ridge_alone else at[:k] - at[k:]
        if not np.isfinite(at).all() or np.abs(x @ out[step]).max() > FARTHEST:
            raise AnalysisError(f"the penalty {penalty:.2g} is too small for these data; give a larger one.")
    return out
