"""What a page is made of: sections of blocks, as values that the template draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Charts",
    "Code",
    "Facts",
    "Fold",
    "Gallery",
    "Listing",
    "Note",
    "Panel",
    "Row",
    "Section",
    "Strip",
    "TableView",
    "Tabs",
    "Words",
]


@final
@dataclass(frozen=True)
class Note:
    """What every figure and table says of itself.

    Attributes:
        n: how many of what.
        unit: of what one value is made.
        prompts: where they came from.
        choice: how masks were chosen among candidates.
        more: anything else; may be empty.
    """

    n: str
    unit: str
    prompts: str
    choice: str
    more: str = ""


@final
@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what stands in it.
        detail: smaller, below.
        key: by which columns are sorted; None for the text.
        mark: classes of the cell: ``best``, ``quiet``, ``ahead`` or ``behind``, with ``unsure`` where tests disagree.
    """

    text: str
    detail: str = ""
    key: float | None = None
    mark: str = ""


@final
@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: in the first column.
        cells: the others.
        tone: of the swatch before the name, or "".
        link: id of the part of the page that says more, or "".
        detail: smaller, below the name.
    """

    name: str
    cells: Sequence[Cell]
    tone: str = ""
    link: str = ""
    detail: str = ""


@final
@dataclass(frozen=True)
class TableView:
    """A table that can be sorted by each column.

    Attributes:
        title: what it shows.
        note: n, unit, prompts and choice.
        corner: heading of the first column.
        heads: headings of the others.
        rows: the body.
        foot: rows that stay below whatever the order.
        groups: (heading, columns that it spans) above the headings; may be empty.
    """

    kind: ClassVar[str] = "table"
    title: str
    note: Note
    corner: str
    heads: Sequence[str]
    rows: Sequence[Row]
    foot: Sequence[Row] = ()
    groups: Sequence[tuple[str, int]] = ()


@final
@dataclass(frozen=True)
class Chart:
    """A chart with what stands above and below it.

    Attributes:
        title: above.
        svg: the drawing, as made by :mod:`promptseg.evaluation.charts`.
        caption: below: n, and what is special to it.
    """

    title: str
    svg: str
    caption: str


@final
@dataclass(frozen=True)
class Charts:
    """Charts of one kind.

    Attributes:
        title: of all.
        note: of all.
        charts: the first ones are shown, the others unfold.
        legend: HTML made by :func:`promptseg.evaluation.charts.legend` or ``heat_ramp``.
        shown: how many are not folded.
    """

    kind: ClassVar[str] = "charts"
    title: str
    note: Note
    charts: Sequence[Chart]
    legend: str = ""
    shown: int = 6


@final
@dataclass(frozen=True)
class Words:
    """Paragraphs."""

    kind: ClassVar[str] = "words"
    paragraphs: Sequence[str]


@final
@dataclass(frozen=True)
class Listing:
    """A list of sentences."""

    kind: ClassVar[str] = "listing"
    items: Sequence[str]
    title: str = ""


@final
@dataclass(frozen=True)
class Facts:
    """Names with what they mean or are."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    title: str = ""


@final
@dataclass(frozen=True)
class Code:
    """Text as it is in a file."""

    kind: ClassVar[str] = "code"
    text: str


@final
@dataclass(frozen=True)
class Panel:
    """A picture.

    Attributes:
        source: a data address.
        size: (width, height) in pixels.
        caption: below.
        words: what it shows, for those who do not see it.
    """

    source: str
    size: tuple[int, int]
    caption: str
    words: str


@final
@dataclass(frozen=True)
class Strip:
    """Pictures of one object beside each other."""

    title: str
    detail: str
    panels: Sequence[Panel]


@final
@dataclass(frozen=True)
class Gallery:
    """Strips of pictures."""

    kind: ClassVar[str] = "gallery"
    title: str
    note: Note
    strips: Sequence[Strip]


@final
@dataclass(frozen=True)
class Fold:
    """Blocks that unfold.

    Attributes:
        title: always shown.
        blocks: what unfolds.
        anchor: id, or "".
        detail: beside the title.
    """

    kind: ClassVar[str] = "fold"
    title: str
    blocks: "Sequence[Block]"
    anchor: str = ""
    detail: str = ""


@final
@dataclass(frozen=True)
class Tabs:
    """Panes of which one is shown; all are printed.

    Attributes:
        name: unique on the page.
        panes: (title, blocks), at least one.
    """

    kind: ClassVar[str] = "tabs"
    name: str
    panes: "Sequence[tuple[str, Sequence[Block]]]"


Block = TableView | Charts | Words | Listing | Facts | Code | Gallery | Fold | Tabs


@final
@dataclass(frozen=True)
class Section:
    """A part of the page with a place in its table of contents.

    Attributes:
        anchor: id.
        short: in the table of contents.
        title: above.
        lead: below the title.
        blocks: what it shows.
    """

    anchor: str
    short: str
    title: str
    lead: str
    blocks: Sequence[Block]
