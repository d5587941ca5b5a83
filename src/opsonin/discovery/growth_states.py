"""Growth rates of single-cell-derived colonies: one phenotypic state, or a mixture of two?

A mixture of two normal distributions is weighed against four shapes of a single state: normal, Student's t (heavy
tails), skew normal, and the skew t of Jones & Faddy (2003), J R Stat Soc B 65:159. Without the latter three, a few
colonies that grow badly would pass for a state of their own. The judge is BIC (Schwarz 1978, Ann Stat 6:461), and the
likelihood ratio's p a parametric bootstrap from the best single state (McLachlan 1987, J R Stat Soc C 36:318), as its
distribution is not chi-squared. Mixtures by EM (Dempster 1977, J R Stat Soc B 39:1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.errors import DiscoveryError
from opsonin.random import normal, uniform

FEWEST, LEVEL = 20, 0.05
SMALLEST = 0.05  # share of the smaller of two states: fewer are colonies that went wrong, not a state
NARROWEST = 0.15  # least SD of a component, as a share of all rates' SD: a spike on a few equal rates is no state
STEPS, CLOSE = 300, 1e-5  # of EM; gain in log likelihood per colony at which it stops
STARTS = (0.1, 0.25, 0.5, 0.75, 0.9)  # where the sorted rates are cut for a start of EM


@dataclass(frozen=True)
class GrowthMixture:
    """name; n colonies; bic: model → BIC (lower is better); best: the model; states: how many it has.

    mean, sd, share: of the two components, slower first, whether or not they are the best.
    margin: BIC of the best single state less that of two (above 0 speaks for two; 10 is very strong, Kass & Raftery
    1995, J Am Stat Assoc 90:773).   statistic, p: of the bootstrap likelihood ratio.   fraction_negative: of colonies.
    """

    name: str
    n: int
    bic: dict[str, float]
    best: str
    mean: tuple[float, float]
    sd: tuple[float, float]
    share: tuple[float, float]
    margin: float
    statistic: float
    p: float
    single: str
    rate: float
    spread: float
    fraction_negative: float

    @property
    def states(self) -> int:
        """2 where BIC prefers two, the bootstrap does not take them for one (p, where asked), and neither is a few
        colonies (below 5 %); otherwise 1.
        """
        likely = not self.p > LEVEL  # NaN where no bootstrap was asked
        return 2 if self.best == "two states" and likely and min(self.share) >= SMALLEST else 1


def growth_mixture(
    rates: Float[np.ndarray, " colony"], name: str = "", *, replicates: int = 199, seed: int = 1
) -> GrowthMixture:
    """Weigh one state against two.

    rates: net growth rates in any unit.  replicates: of the bootstrap; 0 leaves p out.
    Raises: DiscoveryError for fewer than 20 rates, or rates that are all alike.
    """
    x = np.asarray(rates, dtype=float)
    x = np.sort(x[np.isfinite(x)])  # sorted: the same result for any order of colonies
    if x.size < FEWEST:
        raise DiscoveryError(f"{name or 'the line'} has {x.size} growth rates; {FEWEST} are needed.")
    centre, scale = float(x.mean()), float(x.std())
    if scale <= 1e-12 * max(1.0, abs(centre)):
        raise DiscoveryError(f"{name or 'the line'}: all growth rates are alike.")
    z = (x - centre) / scale
    two, components = em(z[None])
    singles = {shape: fit(z) for shape, fit in _SINGLE.items()}
    jacobian = -x.size * math.log(scale)
    bic = {shape: -2 * (fit.loglik + jacobian) + fit.parameters * math.log(x.size) for shape, fit in singles.items()}
    single = min(bic, key=lambda shape: bic[shape])
    bic["two states"] = -2 * (float(two[0]) + jacobian) + 5 * math.log(x.size)
    statistic = 2 * (float(two[0]) - singles["normal"].loglik)
    p = _bootstrap(singles[single].draw, statistic, x.size, replicates, seed) if replicates else math.nan
    share, mean, sd = (components[0, :, i] for i in range(3))
    order = np.argsort(mean)
    mean, sd, share = centre + scale * mean[order], scale * sd[order], share[order]
    return GrowthMixture(
        name,
        int(x.size),
        bic,
        min(bic, key=lambda model: bic[model]),
        (float(mean[0]), float(mean[1])),
        (float(sd[0]), float(sd[1])),
        (float(share[0]), float(share[1])),
        bic[single] - bic["two states"],
        statistic,
        p,
        single,
        centre,
        float(x.std(ddof=1)),
        float((x < 0).mean()),
    )


def em(x: Float[np.ndarray, "data colony"]) -> tuple[Float[np.ndarray, " data"], Float[np.ndarray, "data 2 3"]]:
    """The best mixture of two normals for many data sets at once: log likelihoods, and share, mean, SD of either."""
    data, n = x.shape
    ordered = np.sort(x, axis=1)
    best, found = np.full(data, -np.inf), np.zeros((data, 2, 3))
    for cut in STARTS:
        at = min(max(2, int(cut * n)), n - 2)
        halves = (ordered[:, :at], ordered[:, at:])
        start = np.empty((data, 2, 3))
        start[:, :, 0] = at / n, 1 - at / n
        start[:, :, 1] = np.stack([h.mean(axis=1) for h in halves], axis=1)
        start[:, :, 2] = np.stack([h.std(axis=1) for h in halves], axis=1)
        loglik, made = _climb(ordered, start, NARROWEST * ordered.std(axis=1)[:, None])
        better = loglik > best
        best[better], found[better] = loglik[better], made[better]
    return best, found


def _climb(
    x: Float[np.ndarray, "data colony"], made: Float[np.ndarray, "data 2 3"], floor: Float[np.ndarray, "data 1"]
) -> tuple[Float[np.ndarray, " data"], Float[np.ndarray, "data 2 3"]]:
    """EM from one start; a data set that no longer gains rests while the others go on."""
    data, n = x.shape
    made[:, :, 2] = np.maximum(made[:, :, 2], floor)
    loglik, going = np.full(data, -np.inf), np.arange(data)
    for _ in range(STEPS):
        own, (share, mean, sd) = x[going][:, None], np.moveaxis(made[going], 2, 0)
        z = (own - mean[:, :, None]) / sd[:, :, None]
        log = np.log(np.maximum(share, 1e-300) / sd)[:, :, None] - 0.5 * z * z - 0.5 * math.log(2 * math.pi)
        total = np.logaddexp(log[:, 0], log[:, 1])
        now = total.sum(axis=1)
        gains = now - loglik[going] >= CLOSE * n
        loglik[going] = now
        going, own, total, log = going[gains], own[gains], total[gains], log[gains]
        if not going.size:
            break
        weight = np.exp(log - total[:, None])
        mass = np.maximum(weight.sum(axis=2), 1e-9)
        mean = (weight * own).sum(axis=2) / mass
        variance = (weight * (own - mean[:, :, None]) ** 2).sum(axis=2) / mass
        made[going] = np.stack([mass / n, mean, np.maximum(np.sqrt(variance), floor[going])], axis=2)
    return loglik, made


def growth_table(rates: pd.DataFrame, line: str, rate: str, *, replicates: int = 199, seed: int = 1) -> pd.DataFrame:
    """One row per line: n, rate, sd, negative, states, best, margin, p, and both components; `lines_differ` beside."""
    rows = []
    for name, own in rates.groupby(line, sort=True):
        m = growth_mixture(own[rate].to_numpy(dtype=float), str(name), replicates=replicates, seed=seed)
        judged = (m.states, m.best, m.single, m.margin, m.p)
        rows.append((m.name, m.n, m.rate, m.spread, m.fraction_negative, *judged, *m.mean, *m.sd, m.share[1]))
    columns = ["line", "n", "rate", "sd", "negative", "states", "best", "best_single", "margin", "p"]
    return pd.DataFrame(rows, columns=pd.Index([*columns, "slow", "fast", "slow_sd", "fast_sd", "fast_share"]))


def lines_differ(rates: pd.DataFrame, line: str, rate: str) -> tuple[float, float]:
    """Kruskal & Wallis's H and its p: whether the lines' rates differ at all."""
    from scipy.stats import kruskal

    groups = [own[rate].dropna().to_numpy(dtype=float) for _, own in rates.groupby(line, sort=True)]
    if len(groups) < 2:
        raise DiscoveryError("rates of two lines or more are needed to ask whether they differ.")
    h, p = kruskal(*groups)
    return float(h), float(p)


@dataclass(frozen=True)
class _Single:
    """A fitted single state: its log likelihood on standardised rates, and how to draw (data, colony) of it."""

    loglik: float
    parameters: int
    draw: Callable[[int, int, int], np.ndarray]


def _normal(z: np.ndarray) -> _Single:
    loglik = -0.5 * z.size * (math.log(2 * math.pi) + 1)  # z has mean 0 and variance 1
    return _Single(loglik, 2, lambda data, n, seed: normal(seed, "rates of a bootstrap", np.arange(data), draws=n))


def _shaped(name: str, starts: tuple[tuple[float, ...], ...]) -> Callable[[np.ndarray], _Single]:
    """The fit of a SciPy distribution from starts: shapes (logs of them, but for the skew normal), place, log scale."""

    def natural(theta: np.ndarray) -> tuple[float, ...]:
        shape = theta[:-2] if name == "skewnorm" else np.exp(np.clip(theta[:-2], -3, 6))
        return (*map(float, shape), float(theta[-2]), math.exp(min(max(theta[-1], -6), 6)))

    def fit(z: np.ndarray) -> _Single:
        from scipy import stats
        from scipy.optimize import minimize

        def lost(theta: np.ndarray) -> float:
            *shape, place, scale = natural(theta)
            value = z.size * math.log(scale) - float(_LOG_DENSITY[name]((z - place) / scale, *shape).sum())
            return value if math.isfinite(value) else 1e12

        options = {"maxiter": 2000, "maxfev": 2000, "xatol": 1e-4, "fatol": 1e-5}
        tried = [minimize(lost, np.array(start), method="Nelder-Mead", options=options) for start in starts]
        best = min(tried, key=lambda r: r.fun)
        frozen = natural(best.x)

        def draw(data: int, n: int, seed: int) -> np.ndarray:
            x = uniform(seed, "rates of a bootstrap", np.arange(data), draws=n)
            return getattr(stats, name).ppf(x, *frozen)

        return _Single(-float(best.fun), len(frozen), draw)

    return fit


def _log_t(z: np.ndarray, df: float) -> np.ndarray:
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return constant - (df + 1) / 2 * np.log1p(z * z / df)


def _log_skew_normal(z: np.ndarray, slant: float) -> np.ndarray:
    from scipy.special import log_ndtr

    return math.log(2) - 0.5 * z * z - 0.5 * math.log(2 * math.pi) + log_ndtr(slant * z)


def _log_skew_t(z: np.ndarray, a: float, b: float) -> np.ndarray:
    beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    constant = (a + b - 1) * math.log(2) + beta + 0.5 * math.log(a + b)
    root = np.sqrt(a + b + z * z)
    # (root − z)(root + z) = a + b: the smaller factor by the larger, or it would cancel to 0 far out
    up = np.where(z >= 0, root + z, (a + b) / np.maximum(root - z, 1e-300))
    down = (a + b) / up
    return (a + 0.5) * np.log(up / root) + (b + 0.5) * np.log(down / root) - constant


_LOG_DENSITY: dict[str, Callable[..., np.ndarray]] = {
    "t": _log_t,
    "skewnorm": _log_skew_normal,
    "jf_skew_t": _log_skew_t,
}


def _bootstrap(draw: Callable[[int, int, int], np.ndarray], seen: float, n: int, replicates: int, seed: int) -> float:
    """How often one state gives as large a likelihood ratio of two normals over one."""
    x = draw(replicates, n, seed)
    one = -0.5 * n * (np.log(2 * math.pi * x.var(axis=1)) + 1)
    ratio = 2 * (em(x)[0] - one)
    return float((1 + (ratio >= seen).sum()) / (1 + replicates))


_SINGLE: dict[str, Callable[[np.ndarray], _Single]] = {
    "normal": _normal,
    "heavy tails": _shaped("t", ((1.5, 0.0, 0.0),)),
    "skewed": _shaped("skewnorm", ((-4.0, 1.0, 0.4), (4.0, -1.0, 0.4), (1.0, -0.5, 0.2))),
    "skewed with heavy tails": _shaped(
        "jf_skew_t", ((1.5, 1.5, 0.0, 0.0), (1.0, 2.0, 0.5, 0.0), (2.0, 1.0, -0.5, 0.0), (4.0, 1.0, -2.0, -0.5))
    ),
}
