"""A figure -> a file: the same figure gives the same bytes with the same version of matplotlib.

A page (.html) holds its picture as vectors and is self-contained: no script, font or address of anything else.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from musictool.atomic import replacing

SUFFIXES = (".png", ".svg", ".pdf", ".html")
UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ margin: 0; background: white }} svg {{ display: block; width: 100%; height: auto; max-width: {width}px;
margin: auto }}</style>
{picture}
</html>
"""
SALT = "musictool"  # so that the ids within an SVG are the same each time
PAGE_SCALE = 1.6  # how much larger than printed a page shows its picture, if there is room


def save(
    figure: Any, path: Path, title: str, dots_per_inch: int = 150, tooltips: Mapping[str, Sequence[str]] = {}
) -> None:
    """Write a matplotlib figure in the form that the suffix of `path`, one of SUFFIXES, names.

    Args:
        title: of the page, for .html.
        tooltips: for .html: the gid of points in the figure -> the text of each when the mouse is over it.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    form = path.suffix.lower()[1:]
    with replacing(path) as partial, matplotlib.rc_context({"svg.hashsalt": SALT}):
        if form == "html":
            partial.write_text(_page(figure, title, tooltips), encoding="utf-8")
        else:
            figure.savefig(partial, format=form, dpi=dots_per_inch, metadata=UNDATED.get(form))


def svg(figure: Any, **settings: Any) -> str:
    """The <svg> element of a figure, for a page; `settings` are those of its savefig."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=UNDATED["svg"], **settings)
    picture = text.getvalue()
    return re.sub(r"<metadata>.*?</metadata>\s*", "", picture[picture.index("<svg") :], flags=re.S)


def _page(figure: Any, title: str, tooltips: Mapping[str, Sequence[str]]) -> str:
    picture = svg(figure)
    for gid, texts in tooltips.items():
        picture = _with_tooltips(picture, gid, texts)
    width = round(figure.get_size_inches()[0] * 72 * PAGE_SCALE)
    return PAGE.format(title=html.escape(title), width=width, picture=picture)


def _with_tooltips(picture: str, gid: str, texts: Sequence[str]) -> str:
    """An SVG in which each point of a group, a `use` element, has its tooltip."""
    begin = picture.find(f'<g id="{gid}">')
    end = picture.find('\n   <g id="', begin + 1)  # the next artist of the same axes
    group, points = picture[begin:end], re.compile(r"(<use [^>]*?)/>")
    if begin < 0 or len(points.findall(group)) != len(texts):
        return picture
    remaining = iter(texts)
    group = points.sub(lambda use: f"{use[1]}><title>{html.escape(next(remaining))}</title></use>", group)
    return picture[:begin] + group + picture[end:]


def fit_text(text: str, max_letters: int) -> str:
    """The text on one line, cut to so many letters; letters that matplotlib's own font lacks become squares."""
    known = _letters()
    text = "".join(letter if ord(letter) in known else "\N{WHITE SQUARE}" for letter in " ".join(text.split()))
    return text if len(text) <= max_letters else text[: max(1, max_letters - 1)] + "…"


def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(FontProperties())).get_charmap())
