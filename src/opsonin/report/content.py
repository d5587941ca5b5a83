"""What a chapter is made of; the template turns it into HTML and escapes every text in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from opsonin.report.figures.base import Figure


@dataclass(frozen=True)
class Numbers:
    """A few large numbers in a row, each (number, what it is)."""

    numbers: list[tuple[str, str]]
    kind: str = "numbers"


@dataclass(frozen=True)
class Text:
    """A paragraph.   quiet: set small, for remarks on what is missing."""

    text: str
    quiet: bool = False
    kind: str = "text"


@dataclass(frozen=True)
class Lines:
    """A list of lines; each a plain sentence, or (strong beginning, rest)."""

    lines: list[tuple[str, str]]
    title: str = ""
    ordered: bool = False
    folded: bool = False
    kind: str = "lines"


@dataclass(frozen=True)
class Table:
    """A table of words already formatted.   numeric: columns set flush right.   small: dense, for long tables.
    last_wide: the last column holds sentences and gets the room.
    """

    title: str
    columns: list[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    numeric: frozenset[int] = frozenset()
    small: bool = False
    folded: bool = False
    last_wide: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Code:
    """Text shown as it is: a study file, a command."""

    title: str
    text: str
    folded: bool = False
    kind: str = "code"


@dataclass(frozen=True)
class Equations:
    """Rows of (name, MathML, meaning)."""

    title: str
    rows: list[tuple[str, str, str]]
    caption: str = ""
    folded: bool = False
    kind: str = "equations"


@dataclass(frozen=True)
class Picture:
    """An SVG element that is safe to put in as it is, wider than the text."""

    name: str
    title: str
    svg: str
    caption: str = ""
    kind: str = "picture"


@dataclass(frozen=True)
class Drawing:
    """A figure in its place."""

    figure: Figure
    kind: str = "figure"


Block = Numbers | Text | Lines | Table | Code | Equations | Picture | Drawing


@dataclass(frozen=True)
class Chapter:
    """One chapter; `absent` is one line that says why there is nothing in it."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    absent: str = ""
    lead: str = ""

    @property
    def figures(self) -> list[Figure]:
        return [block.figure for block in self.blocks if isinstance(block, Drawing)]
