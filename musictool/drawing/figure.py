"""A drawn figure -> a file: the same figure gives the same bytes with the same version of matplotlib.

A page (.html) holds its picture as vectors and needs nothing but itself: no script, no font, no address.
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
LARGER = 1.6  # how much larger than printed a page shows its picture, where it has the room


def save(figure: Any, path: Path, title: str, dots_per_inch: int = 150, tips: Mapping[str, Sequence[str]] = {}) -> None:
    """Write a matplotlib figure in the form that the suffix of `path`, one of SUFFIXES, names.

    Args:
        title: of the page, where it is one.
        tips: of a page: the gid of points in the figure -> what is said of each when the mouse rests on it.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    form = path.suffix.lower()[1:]
    with replacing(path) as partial, matplotlib.rc_context({"svg.hashsalt": SALT}):
        if form == "html":
            partial.write_text(_page(figure, title, tips), encoding="utf-8")
        else:
            figure.savefig(partial, format=form, dpi=dots_per_inch, metadata=UNDATED.get(form))


def svg(figure: Any, **settings: Any) -> str:
    """The <svg> element of a figure, to stand in a page; `settings` are those of its savefig."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=UNDATED["svg"], **settings)
    picture = text.getvalue()
    return re.sub(r"<metadata>.*?</metadata>\s*", "", picture[picture.index("<svg") :], flags=re.S)


def _page(figure: Any, title: str, tips: Mapping[str, Sequence[str]]) -> str:
    picture = svg(figure)
    for gid, words in tips.items():
        picture = _tipped(picture, gid, words)
    width = round(figure.get_size_inches()[0] * 72 * LARGER)
    return PAGE.format(title=html.escape(title), width=width, picture=picture)


def _tipped(picture: str, gid: str, words: Sequence[str]) -> str:
    """An SVG in which the points of one group, one `use` each, say what they are."""
    begin = picture.find(f'<g id="{gid}">')
    end = picture.find('\n   <g id="', begin + 1)  # the next artist of the same axes
    group, points = picture[begin:end], re.compile(r"(<use [^>]*?)/>")
    if begin < 0 or len(points.findall(group)) != len(words):
        return picture
    texts = iter(words)
    group = points.sub(lambda use: f"{use[1]}><title>{html.escape(next(texts))}</title></use>", group)
    return picture[:begin] + group + picture[end:]
