"""Numbers and verdicts as a reader wants them: three significant digits, intervals in brackets, p to two digits."""

import math
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MINUS = "−"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NBSP = "\u00a0"  # keeps a number and its per cent sign on one line
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def missing(value: Any) -> bool:
    """Whether a value is absent: None, NaN, or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(math.isnan(float(value)))
    except (TypeError, ValueError):
        return not isinstance(value, str)


def number(value: Any, digits: int = 3, whole: bool = True) -> str:
    """A number to `digits` significant digits: 0.729, 13.8, 1,230, 2.10 × 10⁻⁵; an en dash where there is none.

    whole: write whole numbers up to 99,999 in full, because counts are not estimates (else 61 is 61.0).
    """
    if missing(value):
        return "–"
    value = float(value)
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    if whole and value == int(value) and abs(value) < 1e5:
        return f"{int(value):,}".replace("-", MINUS)
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -3 or exponent >= 6:
        mantissa = rounded(value / 10.0**exponent, digits - 1)
        if abs(float(mantissa)) >= 10:  # 9.996 rounds up into the next power
            exponent, mantissa = exponent + 1, rounded(value / 10.0 ** (exponent + 1), digits - 1)
        return f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPT)}".replace("-", MINUS)
    places = digits - 1 - exponent
    if places >= 0:
        text = rounded(value, places)
        if abs(float(text)) >= 10.0 ** (exponent + 1) and places > 0:
            text = rounded(value, places - 1)
        return text.replace("-", MINUS)
    whole = round(value / 10.0**-places) * 10**-places
    return f"{whole:,}".replace("-", MINUS)


def rounded(value: float, places: int) -> str:
    """`value` with `places` decimals, halves rounded away from zero as a hand calculation does (0.125 → 0.13)."""
    return str(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def between(lower: Any, upper: Any, percent: bool = False, whole: bool = True) -> str:
    """The inside of an interval: "0.618–0.859", "−20.1 to −3.20", "3.10 to not reached"."""
    write = share if percent else number
    low = "not reached" if missing(lower) else write(lower, whole=whole)
    high = "not reached" if missing(upper) else write(upper, whole=whole)
    if percent:
        low = low.removesuffix(f"{NBSP}%")
    wordy = MINUS in low + high or "×" in low + high or "not reached" in (low, high)
    return f"{low} to {high}" if wordy else f"{low}–{high}"


def with_interval(estimate: Any, lower: Any, upper: Any, percent: bool = False) -> str:
    """An estimate and its interval in brackets: "0.729 (0.618–0.859)"; the estimate alone where there is none."""
    whole = all(missing(x) or float(x).is_integer() for x in (estimate, lower, upper)) and not percent
    text = share(estimate, whole=whole) if percent else number(estimate, whole=whole)
    if missing(lower) and missing(upper):
        return text
    return f"{text} ({between(lower, upper, percent, whole)})"


def share(value: Any, whole: bool = True) -> str:
    """A fraction as a percentage: 0.579 → "57.9 %"."""
    if missing(value):
        return "–"
    value = float(value)
    if 0 < value < 0.0005 or 0.9995 < value < 1:
        return f"< 0.1{NBSP}%" if value < 0.5 else f"> 99.9{NBSP}%"
    if value == 1:
        return f"100{NBSP}%"
    return f"{number(round(100 * value, 9), 3 if abs(value) >= 0.1 else 2, whole)}{NBSP}%"


def count_of(n: int, total: int, noun: str = "") -> str:
    """How many of how many: "3 of 17 patients (17.6 %)"."""
    of = f"{n:,} of {total:,} {noun}".strip()
    return f"{of} ({share(n / total)})" if total else of


def p_value(p: Any) -> str:
    """ "p = 0.045", "p < 0.001", "p > 0.99"; never "p = 0.000"; empty where there is none."""
    if missing(p):
        return ""
    p = float(p)
    if p < 0.001:
        return "p < 0.001"
    if p > 0.99:
        return "p > 0.99"
    return f"p = {number(p, 2)}"


def bare_p(p: Any) -> str:
    """A p-value for a table column headed "p"."""
    return p_value(p).removeprefix("p ").removeprefix("= ") or "–"


def days(value: Any) -> str:
    """A duration in days, with months beside it where that is how a clinician would say it."""
    if missing(value):
        return "–"
    text = f"{number(value)} days"
    return f"{text} ({number(float(value) / 30.4375)} months)" if float(value) >= 91 else text


def unit_name(unit: Any) -> str:
    """A unit as a reader writes it: "percent" is %, "dimensionless" is nothing."""
    text = "" if missing(unit) else str(unit)
    return {"dimensionless": "", "1": "", "percent": "%"}.get(text, text.replace("**2", "²").replace("**3", "³"))


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """ "17 patients", "one patient": the number and its noun agree."""
    word = noun if n == 1 else plural or several(noun)
    return f"{_SMALL[n] if 0 <= n <= 10 else f'{n:,}'} {word}"


def numbered(n: int, noun: str) -> str:
    """ "17 patients", "1 patient": as `counted`, in figures always."""
    return f"{n:,} {noun if n == 1 else several(noun)}"


def several(noun: str) -> str:
    """More than one of a noun, which may be a column of the data: "arms", "histologies", "sexes"."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def listed(items: Iterable[Any], word: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    words = [str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {word} {words[-1]}"


def some_of(items: Iterable[Any], noun: str, most: int = 4) -> str:
    """Up to `most` items in full; of more their number and the first three: "8 arms (a, b, c …)"."""
    names = [str(item) for item in items]
    return listed(names) if len(names) <= most else f"{len(names)} {several(noun)} ({', '.join(names[:3])} …)"


def unbroken(text: str) -> str:
    """`text` with every number and its per cent sign kept on one line."""
    return text.replace(" %", f"{NBSP}%")


def capital(text: str) -> str:
    """`text` with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """`text` with a full stop at its end; it goes on after a colon, so its first letter stays."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else text + "."


def sentence(text: str) -> str:
    """`text` with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def protocol_day(time: Any) -> str:
    """The protocol day of an elapsed time: 0.0 → "day 1", −1.0 → "day −1" (there is no day 0)."""
    if missing(time):
        return "–"
    whole = math.floor(float(time))
    return f"day {whole + 1}" if whole >= 0 else f"day {MINUS}{-whole}"


def code_safe(text: str) -> str:
    """A stable name for ids and file names: letters, digits and hyphens only."""
    out = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower())
    while "--" in out:
        out = out.replace("--", "-")
    return out.strip("-") or "x"


def plot_text(text: Any) -> str:
    """User text for a Plotly label, which reads a little HTML: markup in it is shown, not obeyed."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
