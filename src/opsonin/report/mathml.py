"""LaTeX as SymPy prints it → MathML, so that equations are typeset offline without a script.

Covers fractions, roots, powers, subscripts, brackets, Greek, text, sums, cases and the usual functions. What it cannot
read it gives back as plain text in a code style: an equation is shown raw rather than wrong.
"""

import html
import re

_TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|[{}^_&]|[0-9]+(?:\.[0-9]+)?|[a-zA-Z]|\s+|.", re.DOTALL)
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω", "infty": "∞",
}  # fmt: skip
_OPERATORS = {
    "cdot": "·", "times": "×", "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "neq": "≠", "ne": "≠", "to": "→",
    "pm": "±", "wedge": "∧", "vee": "∨", "neg": "¬", "lt": "<", "gt": ">", "approx": "≈", "quad": " ", "sum": "∑",
    "int": "∫", "mid": "|", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩",
    "vert": "|", "lvert": "|", "rvert": "|", "partial": "∂", "prime": "′", "ldots": "…", "dots": "…",
}  # fmt: skip
_FUNCTIONS = {"log", "ln", "exp", "min", "max", "sin", "cos", "tan", "tanh", "sinh", "cosh", "operatorname", "erf"}
_SPACES = {"\\,", "\\;", "\\:", "\\!", "\\ "}
_TEXT = {"mathrm", "text", "mathtt", "textrm", "mathit", "textit", "mathbf", "operatorname", "operatorname*"}


class _Unreadable(Exception):
    """A construct that this reader does not know."""


def mathml(latex: str) -> str:
    """MathML of one formula; `<code>` with the source where it cannot be read.

    Every term of the outermost sum or product is a `<math>` of its own: browsers break lines only between them.
    """
    try:
        pieces = _Reader(latex).pieces(until=None)
    except (_Unreadable, IndexError, RecursionError):
        return f'<code class="latex">{html.escape(latex)}</code>'
    terms: list[list[str]] = [[]]
    for piece in pieces:
        if piece in _BREAKS and terms[-1]:
            terms.append([piece.replace("<mo>", '<mo form="infix">')])
        else:
            terms[-1].append(piece)
    return "<wbr>".join(f'<math displaystyle="true" xmlns="{_SPACE}"><mrow>{"".join(t)}</mrow></math>' for t in terms)


_SPACE = "http://www.w3.org/1998/Math/MathML"
_BREAKS = {f"<mo>{sign}</mo>" for sign in "+−·="}


class _Reader:
    def __init__(self, latex: str):
        self.tokens = _TOKEN.findall(latex)
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def row(self, until: tuple[str, ...] | None) -> str:
        """Everything up to (not including) a closing token, as one text."""
        return "".join(self.pieces(until))

    def pieces(self, until: tuple[str, ...] | None) -> list[str]:
        """Everything up to (not including) a closing token, element by element."""
        out: list[str] = []
        while (token := self.peek()) is not None and not (until and token in until):
            if token in ("}", "\\right", "\\end", "&", "\\\\"):
                raise _Unreadable(token)
            if token in ("^", "_"):
                base = out.pop() if out else "<mrow></mrow>"
                out.append(self.scripts(base))
                continue
            piece = self.atom()
            if piece:
                out.append(piece)
        if until and self.peek() is None:
            raise _Unreadable("unclosed")
        return out

    def scripts(self, base: str) -> str:
        sub = sup = None
        while self.peek() in ("^", "_"):
            if self.take() == "^":
                sup = self.atom()
            else:
                sub = self.atom()
        if sub is not None and sup is not None:
            return f"<msubsup>{base}{sub}{sup}</msubsup>"
        return f"<msup>{base}{sup}</msup>" if sup is not None else f"<msub>{base}{sub}</msub>"

    def group(self) -> str:
        """A braced group as one element; a single token without braces."""
        while (self.peek() or "").isspace():
            self.take()
        if self.peek() != "{":
            return self.atom()
        self.take()
        body = self.row(until=("}",))
        self.take()
        return f"<mrow>{body}</mrow>"

    def raw_group(self) -> str:
        """The characters of a braced group, for \\mathrm and \\text."""
        if self.take() != "{":
            raise _Unreadable("expected {")
        depth, out = 1, []
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if depth:
                out.append(token[1:] if token in ("\\_", "\\%", "\\&", "\\#", "\\ ", "\\$") else token)
        text = "".join(out)
        if "\\" in text:
            raise _Unreadable(text)
        return text.replace("{", "").replace("}", "")

    def atom(self) -> str:
        token = self.take()
        if token.isspace():
            return ""
        if token == "{":
            self.at -= 1
            return self.group()
        if token[0].isdigit():
            return f"<mn>{token if len(token) < 8 else format(float(token), '.4g')}</mn>"
        if token.isalpha():
            return f"<mi>{html.escape(token)}</mi>"
        if token.startswith("\\"):
            return self.command(token)
        return f"<mo>{'−' if token == '-' else html.escape(token)}</mo>"

    def command(self, token: str) -> str:
        name = token[1:]
        if token in _SPACES:
            return '<mspace width="0.17em"/>'
        if name in _GREEK:
            return f"<mi>{_GREEK[name]}</mi>"
        if name in _OPERATORS:
            return f"<mo>{html.escape(_OPERATORS[name])}</mo>"
        if name in _TEXT:
            return f'<mi mathvariant="normal">{html.escape(self.raw_group())}</mi>'
        if name in _FUNCTIONS:
            return f"<mi>{name}</mi><mo>&#x2061;</mo>"
        if name in ("frac", "tfrac", "dfrac"):
            return f"<mfrac>{self.group()}{self.group()}</mfrac>"
        if name == "sqrt":
            return self.root()
        if name == "left":
            return self.brackets()
        if name == "begin":
            return self.cases()
        if name in ("%", "_", "&", "#", "$", "{", "}"):
            return f"<mo>{html.escape(name)}</mo>"
        if name in ("big", "Big", "bigg", "displaystyle", "limits", "nolimits"):
            return ""
        raise _Unreadable(token)

    def root(self) -> str:
        if self.peek() == "[":
            self.take()
            degree = self.row(until=("]",))
            self.take()
            return f"<mroot>{self.group()}<mrow>{degree}</mrow></mroot>"
        return f"<msqrt>{self.group()}</msqrt>"

    def delimiter(self) -> str:
        token = self.take()
        if token == ".":
            return ""
        name = token[1:] if token.startswith("\\") else token
        return f'<mo stretchy="true">{html.escape(_OPERATORS.get(name, name))}</mo>'

    def brackets(self) -> str:
        opening = self.delimiter()
        body = self.row(until=("\\right",))
        self.take()
        return f"<mrow>{opening}{body}{self.delimiter()}</mrow>"

    def cases(self) -> str:
        kind = self.raw_group()
        if kind not in ("cases", "matrix", "aligned"):
            raise _Unreadable(kind)
        rows, cells = [], []
        while True:
            cells.append(self.row(until=("&", "\\\\", "\\end")))
            token = self.take()
            if token == "&":
                continue
            rows.append("".join(f"<mtd>{cell}</mtd>" for cell in cells))
            cells = []
            if token == "\\end":
                self.raw_group()
                break
        table = "".join(f"<mtr>{row}</mtr>" for row in rows if row != "<mtd></mtd>")
        brace = '<mo stretchy="true">{</mo>' if kind == "cases" else ""
        return f'<mrow>{brace}<mtable columnalign="left left">{table}</mtable></mrow>'
