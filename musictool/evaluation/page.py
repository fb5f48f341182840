"""An evaluation as one self-contained HTML page: no script, font or picture from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path

from musictool.atomic import replacing
from musictool.evaluation import plots
from musictool.evaluation.evaluation import Evaluation, Group

MAX_NAMED = 20  # samples with long copies

_PLOTS = {
    "likelihood": plots.likelihood,
    "musical features": plots.features,
    "distances: overlap, divergence": plots.distances,
    "copying": plots.copying,
    "collapse": plots.variety,
}
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 48rem; padding: 3rem 1.25rem 5rem; color: #222; background: #fff;
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 3rem 0 .3rem; font-weight: 650; }
p { margin: .3rem 0 1rem; color: #444; max-width: 42rem; }
.facts { color: #666; font-size: .92rem; }
.key { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin: 0 .35em 0 .9em; }
.key:first-child { margin-left: 0; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 1.2rem;
        font-size: .9rem; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; color: #555; padding: .3rem .5rem; border-bottom: 1.5px solid #bbb; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td { text-align: right; padding: .22rem .5rem; border-bottom: 1px solid #eee; white-space: nowrap; }
td:first-child { white-space: normal; }
svg { display: block; width: 100%; height: auto; margin: .8rem 0; font-family: inherit; }
svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif !important; }
ol { padding-left: 1.4rem; font-size: .9rem; }
@media print { h2 { break-after: avoid; } svg, table { break-inside: avoid; } }
"""


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page."""
    with replacing(path) as partial:
        partial.write_text(page(evaluation), encoding="utf-8")


def page(evaluation: Evaluation) -> str:
    """The page's HTML."""
    facts = ", ".join(f"{name} {value}" for name, value in evaluation.facts.items() if name != "files")
    parts = [
        f"<h1>{escape(evaluation.title)}</h1>",
        f'<p class="facts">{escape(facts)}</p>',
        f"<p>{_keys(evaluation)}</p>",
    ]
    for group in evaluation.groups:
        parts.append(_section(evaluation, group))
    parts.append(
        f"<h2>The music</h2><p>The first samples and human pieces, as piano-rolls.</p>{plots.rolls(evaluation)}"
    )
    title = escape(evaluation.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style></head>\n'
        f"<body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _keys(evaluation: Evaluation) -> str:
    """The legend: which colour is which side."""
    labels = {
        "samples": "samples",
        "human": "human: validation pieces",
        "encoded": "encoded: the same, encoded and decoded by the model, the nearest it could come",
    }
    return "".join(
        f'<span class="key" style="background:{plots.COLOURS[side]}"></span>{escape(labels[side])}'
        for side in evaluation.sides
    )


def _section(evaluation: Evaluation, group: Group) -> str:
    plot = _PLOTS[group.name](evaluation) if group.name in _PLOTS else ""
    lists = {"copying": _copies, "told apart": _giveaways}
    below = lists[group.name](evaluation) if group.name in lists else ""
    heading = f"<h2>{escape(group.name.capitalize())}</h2>\n<p>{escape(group.description)}</p>\n"
    return f"{heading}{plot}{_table(evaluation, group)}{below}"


def _table(evaluation: Evaluation, group: Group) -> str:
    sides = [side for side in evaluation.sides if any(getattr(line, side) for line in group.lines)]
    head = "".join(f"<th>{side}</th>" for side in sides)
    rows = "".join(
        f"<tr><td>{escape(line.name)}</td>{''.join(f'<td>{escape(getattr(line, side))}</td>' for side in sides)}</tr>"
        for line in group.lines
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _giveaways(evaluation: Evaluation) -> str:
    """What gives the samples away."""
    lines = "".join(f"<li>{escape(text)}</li>" for text in evaluation.giveaways())
    return f"<p>What gives the samples away most:</p><ol>{lines}</ol>" if lines else ""


def _copies(evaluation: Evaluation) -> str:
    """The samples that copy more than human pieces do, and where from."""
    copies = evaluation.copies()
    if not copies:
        return "<p>No sample has a longer copy than 95 of 100 human pieces.</p>"
    lines = "".join(f"<li>{escape(name)}: {escape(str(source))}</li>" for name, source in copies[:MAX_NAMED])
    more = f"<p>And {len(copies) - MAX_NAMED} more.</p>" if len(copies) > MAX_NAMED else ""
    return f"<p>Longer than in 95 of 100 human pieces:</p><ol>{lines}</ol>{more}"
