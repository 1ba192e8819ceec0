"""The rows of the runs table as HTML, with links that sort, open and filter."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from html import escape

from workbench.contract.lab import Lab, labs
from workbench.runs import describe
from workbench.runs.record import Run
from workbench.runs.search import Query, Where
from workbench.ui import style
from workbench.ui.address import href

MOST_METRICS = 4  # columns of headline metrics; all of them stand on the run's own page

Turn = Callable[[Query], str]
"""Makes the address of the same page with another query."""


def table_html(
    runs: Collection[Run], query: Query, turn: Turn, ticked: Collection[str] = (), lab: Lab | None = None
) -> str:
    """Return the table: one row a run, in the order given.

    Parameters
    ----------
    query
        What is listed: its order is marked in the heads.
    turn
        Makes the links of the heads and of groups and tags.
    ticked
        Ids of the ticked runs.
    lab
        With it, there is a column each for its first metrics; without it, a column with the lab and one with metrics.
    """
    metrics = lab.metrics[:MOST_METRICS] if lab else ()
    heads = [("Run", "name"), ("Status", ""), *([] if lab else [("Lab", "")])]
    heads += [("Created", "created"), ("Duration", "duration"), ("Changed", "")]
    heads += [(m.label, f"metrics.{m.key}") for m in metrics] if lab else [("Metrics", "")]
    grouped, many = any(run.group for run in runs), len({run.user for run in runs}) > 1
    heads += [("Group", "")] * grouped + [("User", "")] * many
    box = '<th class="mark"><input type="checkbox" aria-label="Tick all runs on this page"></th>'
    row = functools.partial(_row, query=query, turn=turn, ticked=ticked, lab=lab, grouped=grouped, many=many)
    head = "".join(_head(label, order, query, turn) for label, order in heads)
    body = "".join(map(row, runs))
    links = " · ".join(_order(label, order, query, turn) for label, order in heads if order)
    table = f'<table class="runs"><thead><tr>{box}{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<p class="orders small soft">Order: {links}</p>{table}'


def _head(label: str, order: str, query: Query, turn: Turn) -> str:
    """Return a head; one that sorts is a link that sorts, or turns the order round."""
    number = ' class="num"' if order.startswith("metrics.") or order == "duration" else ""
    if not order:
        return f"<th>{escape(label)}</th>"
    said = f' aria-sort="{"descending" if query.descending else "ascending"}"' if query.order == order else ""
    return f"<th{number}{said}>{_order(label, order, query, turn)}</th>"


def _order(label: str, order: str, query: Query, turn: Turn) -> str:
    """Return a link that sorts by something, or turns its order round."""
    here = query.order == order
    mark = (" ▾" if query.descending else " ▴") if here else ""
    link = turn(replace(query, order=order, descending=not query.descending if here else order != "name"))
    return f'<a href="{escape(link)}" title="Sort by this">{escape(label)}{mark}</a>'


def _row(
    run: Run,
    query: Query,
    turn: Turn,
    ticked: Collection[str],
    lab: Lab | None,
    grouped: bool,
    many: bool,
) -> str:
    own = lab or labs().get(run.lab)
    key, name = escape(run.id), escape(run.name or run.id[:8])
    tick = f'<input type="checkbox" data-id="{key}" aria-label="Tick {name}"{" checked" * (run.id in ticked)}>'
    star = ""
    if not run.trashed:
        word = "Take the star away from" if run.star else "Star"
        star = (
            f'<button data-star="{key}" aria-pressed="{str(run.star).lower()}" aria-label="{word} {name}"'
            f' title="{word.split(" from")[0]}">{"★" if run.star else "☆"}</button>'
        )
    tags = "".join(f' <a class="tag" href="{_narrow(query, turn, "tag", tag)}">{escape(tag)}</a>' for tag in run.tags)
    note = f'<div class="soft small quote">{escape(run.note[:120])}{"…" * (len(run.note) > 120)}</div>' * bool(run.note)
    said = " · ".join(
        filter(
            None,
            (
                run.preset,
                f"seed {run.seed}" if run.seed else "",
                describe.format_params(describe.changed_params(run, own)),
            ),
        )
    )
    title = f'{star}<a class="name" href="{escape(href(lab=run.lab, run=run.id))}">{name}</a>{tags}{note}'
    cells = [("Run", title, "run"), ("Status", style.chip(run.status), "")]
    if lab is None:
        cells.append(("Lab", escape(run.lab), ""))
    created = f"{run.created.astimezone():%Y-%m-%d %H:%M:%S}"
    cells += [("Created", created, "when"), ("Duration", style.seconds(run.seconds), "num")]
    cells.append(("Changed", f'<span title="{escape(said)}">{escape(said)}</span>', "asked"))
    told = [
        (m.label, describe.format_number(run.metrics[m.key]))
        for m in (own.metrics if own else ())
        if m.key in run.metrics
    ]
    if lab is None:
        cells.append(
            ("Metrics", escape(" · ".join(f"{label} {value}" for label, value in told[:MOST_METRICS])), "small")
        )
    else:
        cells += [(m.label, describe.format_number(run.metrics.get(m.key)), "num") for m in lab.metrics[:MOST_METRICS]]
    if grouped:
        link = _narrow(query, turn, "group", run.group)
        cells.append(("Group", f'<a href="{link}">{escape(group_text(run.group))}</a>' if run.group else "", ""))
    if many:
        cells.append(("User", escape(run.user), ""))
    body = "".join(f'<td class="{kind}" data-label="{escape(label)}">{text}</td>' for label, text, kind in cells)
    return f'<tr><td class="mark">{tick}</td>{body}</tr>'


def group_text(group: str) -> str:
    """Return a group's name; that of a sweep is its id, which is shortened."""
    return f"sweep {group[:6]}" if re.fullmatch(r"[0-9a-f]{32}", group) else group[:24]


def _narrow(query: Query, turn: Turn, field: str, value: str) -> str:
    """Return a link to those of the runs that have the same group or tag."""
    where = Where(field, "=", value)
    return escape(turn(query if where in query.where else replace(query, where=(*query.where, where))))


CSS = """
table.runs { font-size: 0.9em; }
table.runs th, table.runs td { padding: 9px 14px 9px 0; }
table.runs th { white-space: nowrap; }
table.runs th a { color: inherit; text-decoration: none; }
table.runs th a:hover { color: var(--accent); }
table.runs th[aria-sort] a { color: var(--text); font-weight: 600; }
td.mark, th.mark { width: 30px; }
td.mark input, th.mark input { width: 17px; height: 17px; margin: 2px 0 0; accent-color: var(--accent); }
td.run { min-width: 190px; }
td.run .name { font-weight: 500; overflow-wrap: anywhere; }
td.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.asked { max-width: 320px; }
td.asked span { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
.quote { max-width: 40ch; overflow-wrap: anywhere; }
a.tag { display: inline-block; padding: 0 7px; border-radius: 99px; border: 1px solid var(--line); color: var(--soft);
  font-size: 0.82em; text-decoration: none; }
button[data-star] { border: none; background: none; padding: 0 6px 0 0; font-size: 1.15em; line-height: 1;
  cursor: pointer; color: var(--soft); }
button[data-star][aria-pressed="true"] { color: var(--unsure); }
button[data-star]:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
p.orders { display: none; max-width: none; }
@media (max-width: 860px) {
  p.orders { display: block; }
  table.runs, table.runs tbody, table.runs tr, table.runs td { display: block; width: auto; }
  table.runs thead { display: none; }
  table.runs tr { position: relative; padding: 10px 0 10px 34px; border-bottom: 1px solid var(--line); }
  table.runs td { border: none; padding: 2px 0; text-align: left; max-width: none; white-space: normal; }
  table.runs td:empty { display: none; }
  table.runs td.mark { position: absolute; left: 0; top: 10px; }
  table.runs td:not(.mark, .run) { display: flex; align-items: baseline; }
  table.runs td:not(.mark, .run)::before { content: attr(data-label); color: var(--soft); flex: 0 0 92px;
    font-size: 0.86rem; }
  button[data-star] { padding: 4px 8px 4px 0; font-size: 1.3em; }
}
"""
