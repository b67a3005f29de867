"""The transparency report as a page: text and bars, no script, readable on small screens and in the dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from controls.transparency import Report, in_words
from feed.http.page_policy import page_policy

_STYLE = """
:root{color-scheme:light dark;--ink:#16202a;--soft:#5b6875;--line:#dfe5ea;--paper:#fff;--card:#f5f8fa;--bar:#2f7d95}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebef;--soft:#97a4af;--line:#2c363f;--paper:#12181d;--card:#1a2229;
--bar:#4fa6c0}}
*{box-sizing:border-box}body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:64rem;margin:0 auto;padding:2rem 1.2rem 4rem}h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}
p{margin:.3rem 0}.lead,.note{color:var(--soft)}
form{display:flex;flex-wrap:wrap;gap:.8rem;align-items:end;margin:1.2rem 0}
label{display:block;font-size:.85rem;color:var(--soft)}input,button{font:inherit;padding:.35rem .6rem;
border:1px solid var(--line);border-radius:.4rem;background:var(--paper);color:var(--ink)}
button{background:var(--bar);border-color:var(--bar);color:var(--paper);cursor:pointer}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.2rem,1fr));gap:.8rem;margin:1.2rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem}
.card b{display:block;font-size:1.6rem;line-height:1.3;font-variant-numeric:tabular-nums}.card span{color:var(--soft)}
section{margin-top:2.2rem}
h2{font-size:1.25rem;border-bottom:1px solid var(--line);padding-bottom:.3rem;margin:0 0 .6rem}
.two{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(24rem,100%),1fr));gap:1.4rem 2.4rem;
align-items:start}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.3rem 0}
td,th{padding:.22rem 0;text-align:left;font-weight:400;vertical-align:middle;overflow-wrap:anywhere}
td.n{text-align:right;width:5rem;font-variant-numeric:tabular-nums}td.b{width:34%;padding-left:.8rem}
.bar{display:block;height:.55rem;border-radius:.3rem;background:var(--bar);min-width:2px}a{color:inherit}
""" + "".join(f".w{percent}{{width:{percent}%}}" for percent in range(101))

PAGE_POLICY = page_policy(_STYLE, forms=True)
"""The content security policy of the page."""

_WORDS = {
    "OTHER_VIOLATION_TC": "Other breach of the terms",
    "NOT_SPECIFIED_NOTICE": "Not specified",
    "VOLUNTARY": "By the platform itself",
    "ARTICLE_16": "By a report (DSA art. 16)",
    "TRUSTED_FLAGGER": "By a trusted flagger",
    "TYPE_OTHER_NOTIFICATION": "By another notice or order",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def transparency_page(report: Report) -> str:
    """The page of a report."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Transparency report</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(_parts(report))}</main></body></html>"
    )


def _parts(report: Report) -> Iterator[str]:
    since, until = escape(report.since), escape(report.until)
    files = f"/v1/transparency?from={since}&amp;to={until}"
    yield "<h1>Transparency report</h1>"
    yield f'<p class="lead">What was decided about items and authors here, from {since} to {until} (UTC).</p>'
    yield (
        f'<form method="get" action="/transparency"><label>From<br><input type="date" name="from" value="{since}">'
        f'</label><label>To<br><input type="date" name="to" value="{until}"></label><button>Show</button></form>'
    )
    acts, appeals, feeds, cases = report.acts, report.appeals, report.feeds, report.cases
    yield '<div class="cards">'
    yield _card(_count(acts["total"]), "restrictions, each with a statement of reasons")
    yield _card(_percent(acts["automated_share"]), "of them without a person deciding")
    yield _card(_count(report.reports["received"]), "reports received")
    yield _card(_duration(cases["median_seconds_to_act"]), "median time from report or order to act")
    yield _card(_percent(appeals["overturn_rate"]), "of decided appeals were upheld")
    yield _card(_percent(feeds["personalized_share"]), "of feeds were personalized")
    yield "</div>"
    yield "<section><h2>Restrictions</h2>"
    yield '<p class="note">An item held below standard by one rule or decision, demotion included, is one restriction.'
    yield "</p>"
    yield '<div class="two">'
    yield _table("By tier", acts["by_tier"]) + _table("What became of visibility", acts["by_visibility"])
    yield _table("By ground", acts["by_ground"]) + _table("By category", acts["by_category"])
    yield _table("By rule", acts["by_rule"]) + _table("How it was found", acts["by_source"])
    yield "</div></section><section><h2>Decisions</h2>"
    yield f"<p>{_count(report.decisions['total'])} decisions: {_count(report.decisions['by_people'])} by people, "
    yield f"{_count(report.decisions['by_the_service'])} by the service itself. All are in the "
    yield '<a href="/v1/log/checkpoint">public log</a>.</p><div class="two">'
    yield _table("By type", report.decisions["by_type"]) + "</div></section>"
    yield '<section><h2>Reports, cases and appeals</h2><div class="two">'
    named = {"acted on": "acted_on", "dismissed": "dismissed", "not decided yet": "unresolved"}
    yield _table("Reports received, by what became of them", {w: report.reports[k] for w, k in named.items()})
    yield _table("Reports by category", report.reports["by_category"])
    yield _table("Cases opened, by kind", cases["opened_by_kind"])
    late = f" ({_count(cases['resolved_late'])} past their deadline)" if cases["resolved_late"] else ""
    yield _table(f"Cases resolved{late}", cases["resolved_by_outcome"])
    yield _table("Appeals", {word: appeals[word] for word in ("made", "upheld", "dismissed", "moot")})
    yield "</div></section><section><h2>Exposure around restrictions</h2>"
    exposure, days = report.exposure, report.exposure["window_seconds"] // 86_400
    yield f'<p class="note">Exposures in the {days} days before and after {_count(exposure["acts_followed"])} '
    yield 'restrictions, the newest of each day.</p><div class="two">'
    yield _table("Exposures", {"before": exposure["before"], "after": exposure["after"]}) + "</div></section>"
    tried = report.experiments["run"]
    yield '<section><h2>Experiments with the ranking</h2><p class="note">On personalized pages alone; '
    yield "what an arm may set are weights and places, never a rule or a decision.</p><ul>"
    yield "".join(f"<li>{escape(one['name'])}: {escape(in_words(one))}</li>" for one in tried) or "<li>none</li>"
    yield "</ul></section>"
    yield f'<section><h2>More</h2><p>This report as <a href="{files}">JSON</a> or <a href="{files}&amp;format=csv">CSV'
    yield '</a>; the <a href="/v1/policy">policy in force</a>, with what the ranking weighs and how to change it.</p>'
    yield "</section>"


def _card(value: str, words: str) -> str:
    return f'<div class="card"><b>{escape(value)}</b><span>{escape(words)}</span></div>'


def _table(title: str, counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=0)
    rows = "".join(
        f"<tr><th>{escape(_plain(name))}</th><td class='n'>{_count(count)}</td>"
        f"<td class='b'>{_bar(count, most)}</td></tr>"
        for name, count in counts.items()
    )
    return f"<table><caption>{escape(title)}</caption>{rows or '<tr><td>none</td></tr>'}</table>"


def _bar(count: int, most: int) -> str:
    """Seen however short it is; none for nothing."""
    return f"<span class='bar w{100 * count / most:.0f}'></span>" if count else ""


def _plain(name: str) -> str:
    """A word of an enumeration as people read it; names of rules as they are."""
    if not name.isupper():
        return name.replace("_", " ")
    return _WORDS.get(name, name.replace("_", " ").lower().capitalize())


def _count(count: int) -> str:
    return f"{count:,}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds / size:.1f} {unit}" if size > 1 else f"{seconds:.0f} {unit}"
