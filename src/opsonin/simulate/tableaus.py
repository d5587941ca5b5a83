"""Coefficients of the solvers, as published, with what their generated steps need.

Rosenbrock methods are in the transformed form of Hairer & Wanner, Solving Ordinary Differential Equations II, IV.7:
(I/(gamma h) - J) u_i = f(t + c_i h, y + sum a_ij u_j) + sum (C_ij / h) u_j + h d_i df/dt,  y1 = y + sum m_j u_j.
"""

from __future__ import annotations

from dataclasses import dataclass

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Rosenbrock:
    """One stiffly accurate method: the last stage is the error estimate, and y1 its argument plus the last stage.

    a, c_matrix: rows of stages 2…; c, d: of every stage; dense: rows h of the interpolant
    y(θ) = (1-θ) y0 + θ (y1 + (1-θ) (k1 + θ (k2 + θ k3))),  k_r = sum h_rj u_j.   order: of the error estimate + 1.
    """

    name: str
    gamma: float
    a: Rows
    c_matrix: Rows
    c: tuple[float, ...]
    d: tuple[float, ...]
    dense: Rows
    order: int

    @property
    def stages(self) -> int:
        return len(self.c)


@dataclass(frozen=True)
class RungeKutta:
    """One explicit pair whose last stage is the first of the next step.

    a: rows of stages 2…; the last row gives the new value.  error: weights of the error estimate.
    dense: for each stage the coefficients of θ, θ², θ³, θ⁴ in its weight b(θ).
    """

    name: str
    a: Rows
    c: tuple[float, ...]
    error: tuple[float, ...]
    dense: Rows
    order: int

    @property
    def stages(self) -> int:
        return len(self.c)


# source: Hairer & Wanner (1996), Solving Ordinary Differential Equations II, section VI.4, program RODAS, method 1
RODAS4 = Rosenbrock(
    name="Rodas4",
    gamma=0.25,
    a=(
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
        (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
    ),
    c_matrix=(
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
    ),
    c=(0.0, 0.386, 0.21, 0.63, 1.0, 1.0),
    d=(0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0),
    dense=(
        (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662, 0.0),
        (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872, 0.0),
    ),
    order=4,
)

# source: Steinebach (2023), BIT Numerical Mathematics 63:27, doi:10.1007/s10543-023-00967-x
RODAS5P = Rosenbrock(
    name="Rodas5P",
    gamma=0.21193756319429014,
    a=(
        (3.0,),
        (2.849394379747939, 0.45842242204463923),
        (-6.954028509809101, 2.489845061869568, -10.358996098473584),
        (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
        (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946),
        (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1.0),
        (
            -7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
            0.030198172008377946, 1.0, 1.0,
        ),
    ),
    c_matrix=(
        (-14.155112264123755,),
        (-17.97296035885952, -2.859693295451294),
        (147.12150275711716, -1.41221402718213, 71.68940251302358),
        (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
        (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
        (
            30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
            -19.097331116725623, -28.087943162872662,
        ),
        (
            37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
            -40.06618937091002, -54.66780262877968, -9.48861652309627,
        ),
    ),
    c=(0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0),
    d=(
        0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734,
        2.325825639765069, 0.0, 0.0, 0.0,
    ),
    dense=(
        (
            25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
            0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493,
        ),
        (
            -9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
            20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372,
        ),
        (
            11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643,
            -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722,
        ),
    ),
    order=5,
)  # fmt: skip


def _expanded(scale: float, roots: tuple[float, ...], quadratic: tuple[float, float] | None, power: int) -> tuple:
    """Coefficients of θ…θ⁴ of scale · θ^power · Π(θ - root) · (θ² + b θ + c)."""
    coefficients = [scale]  # ascending powers
    factors = [(-root, 1.0) for root in roots] + ([(quadratic[1], quadratic[0], 1.0)] if quadratic else [])
    for factor in factors:
        product = [0.0] * (len(coefficients) + len(factor) - 1)
        for i, left in enumerate(coefficients):
            for j, right in enumerate(factor):
                product[i + j] += left * right
        coefficients = product
    ascending = [0.0] * power + coefficients + [0.0] * 5
    return tuple(ascending[1:5])


_TSIT5_LAST = (
    0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774,
)  # fmt: skip

# source: Tsitouras (2011), Computers & Mathematics with Applications 62:770, doi:10.1016/j.camwa.2011.06.002
TSIT5 = RungeKutta(
    name="Tsit5",
    a=(
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        _TSIT5_LAST,
    ),
    c=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0),
    error=(
        _TSIT5_LAST[0] - 0.09468075576583945, _TSIT5_LAST[1] - 0.009183565540343254,
        _TSIT5_LAST[2] - 0.4877705284247616, _TSIT5_LAST[3] - 1.234297566930479,
        _TSIT5_LAST[4] + 2.7077123499835256, _TSIT5_LAST[5] - 1.866628418170587, -1 / 66,
    ),
    dense=(
        _expanded(-1.0530884977290216, (1.3299890189751412,), (-1.4364028541716351, 0.7139816917074209), 1),
        _expanded(0.1017, (), (-2.1966568338249754, 1.2949852507374631), 2),
        _expanded(2.490627285651252793, (), (-2.38535645472061657, 1.57803468208092486), 2),
        _expanded(-16.54810288924490272, (1.21712927295533244, 0.61620406037800089), None, 2),
        _expanded(47.37952196281928122, (1.203071208372362603, 0.658047292653547382), None, 2),
        _expanded(-34.87065786149660974, (1.2, 2 / 3), None, 2),
        _expanded(2.5, (1.0, 0.6), None, 2),
    ),
    order=5,
)  # fmt: skip
