"""One set of colours for every figure: Okabe–Ito for groups, one sequential scale for dose levels, grey for context.

Source: Okabe & Ito 2008, "Color Universal Design" (the eight colours); the scale for dose levels falls steadily in
lightness, so that it keeps its order in every kind of colour vision and in print without colour.
"""

from collections.abc import Sequence

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
YELLOW = "#F0E442"
BLACK = "#1B1F24"

GREY = "#8A929B"  # context: other groups, reference lines
PALE = "#D9DEE3"  # faint context: grids, single patients behind a mean
INK = "#1B1F24"
MUTED = "#57606A"

GROUPS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, "#7A6A00", BLACK)
LEVEL_STOPS = ("#E8A33D", "#CF4B4F", "#83307F", "#2A1252")
GRADES = {1: "#DCE3EA", 2: "#F2C879", 3: "#E0803C", 4: "#B8372F", 5: "#3B0B12"}
SEVERITIES = {"mild": GRADES[1], "moderate": GRADES[2], "severe": GRADES[4]}
RESPONSES = {
    "CR": "#00563F",
    "PR": "#009E73",
    "SD": "#56B4E9",
    "PD": "#D55E00",
    "NE": "#C3C9D0",
    "missing": "#E6E9ED",
}
SHADES = ((0.0, "#F4F6F8"), (0.25, "#FBE3BC"), (0.5, "#F0A860"), (0.75, "#CF4B4F"), (1.0, "#5A1846"))


def mix(stops: Sequence[str], at: float) -> str:
    """The colour at position `at` in [0, 1] along `stops`, interpolated in sRGB."""
    place = min(max(at, 0.0), 1.0) * (len(stops) - 1)
    left = min(int(place), len(stops) - 2)
    part = place - left
    ends = [[int(stop[k : k + 2], 16) for k in (1, 3, 5)] for stop in (stops[left], stops[left + 1])]
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in zip(*ends, strict=True))


def levels(count: int) -> list[str]:
    """One colour for each of `count` dose levels, light for the lowest and dark for the highest."""
    if count == 1:
        return [LEVEL_STOPS[2]]
    return [mix(LEVEL_STOPS, k / (count - 1)) for k in range(count)]


def groups(count: int) -> list[str]:
    """One colour for each of `count` unordered groups; beyond eight they repeat, so draw those as small multiples."""
    return [GROUPS[k % len(GROUPS)] for k in range(count)]


def faded(colour: str, alpha: float) -> str:
    """`colour` with an opacity, as Plotly and CSS write it."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def lighter(colour: str, share: float) -> str:
    """`colour` moved towards white by `share`."""
    return mix([colour, "#FFFFFF"], share)
