"""The handbook pages: /docs from the OpenAPI document and /problems from the register.

Pages are made of text alone, so that they work offline and under a content security policy that allows no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import orjson

from feed.http.page_policy import page_policy
from feed.http.problems import PROBLEMS, Problem

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h2{border-bottom:1px solid #ccc;margin-top:2.5rem}h3{margin-bottom:.2rem}"
    "code,pre{font:14px/1.45 ui-monospace,monospace;background:#f3f3f1}pre{padding:.7rem;overflow:auto}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}code,pre{background:#262626}}"
)

PAGE_POLICY = page_policy(_STYLE)
"""The content security policy of the pages."""


def _page(title: str, parts: Iterator[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>"
    )


def problems_page(only: Problem | None = None) -> str:
    """All problem types, or one of them."""
    problems = [only] if only is not None else list(PROBLEMS.values())
    title = only.title if only is not None else "Problems that Weir answers with"
    return _page(title, (_problem(problem) for problem in problems))


def _problem(problem: Problem) -> str:
    return (
        f'<h2 id="{problem.name}">{problem.status} <code>/problems/{problem.name}</code></h2>'
        f"<p><strong>{escape(problem.title)}.</strong> {_words(problem.meaning)}</p><p>{_words(problem.remedy)}</p>"
    )


def api_page(document: Mapping[str, Any]) -> str:
    """The OpenAPI document as a page: every route with what it takes, answers and asks for."""
    return _page(f"{document['info']['title']} {document['info']['version']}", _api(document))


def _api(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_paragraphs(document['info']['description'])}<p><a href='/openapi.json'>openapi.json</a> "
    yield "· <a href='/problems'>problems</a></p>"
    by_noun: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            (noun,) = operation["tags"]
            by_noun.setdefault(noun, []).append(_operation(method, path, operation))
    for noun, operations in by_noun.items():
        yield f"<h2>{escape(noun)}</h2>{''.join(operations)}"
    yield "<h2>schemas</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        text = orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
        yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3><pre>{escape(text)}</pre>'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    scopes = [scope for asked in operation.get("security", ()) for scope in asked.get("bearer", ())]
    asked = f"Scopes: <code>{escape(' '.join(scopes))}</code>" if scopes else "Open to everybody."
    rows = "".join(_parameter(parameter) for parameter in operation.get("parameters", ()))
    body = "".join(_media("Body", media) for media in operation.get("requestBody", {}).get("content", {}).items())
    answers = "".join(_response(status, response) for status, response in operation["responses"].items())
    return (
        f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(operation['summary'])}. {asked}</p>"
        f"{_paragraphs(operation['description'])}<table>{rows}{body}{answers}</table>"
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter.get("schema", {})
    words = parameter.get("description") or schema.get("description", "")
    default = f" (default {schema['default']})" if schema.get("default") not in (None, "") else ""
    return _row(f"{parameter['in']} <code>{escape(parameter['name'])}</code>", _words(words) + escape(default))


def _response(status: str, response: Mapping[str, Any]) -> str:
    shapes = ", ".join(_shape(media.get("schema", {})) for media in response.get("content", {}).values())
    return _row(f"answers {escape(status)}", f"{_words(response['description'])} {shapes}")


def _media(what: str, media: tuple[str, Mapping[str, Any]]) -> str:
    return _row(what, f"<code>{escape(media[0])}</code> {_shape(media[1].get('schema', {}))}")


def _shape(schema: Mapping[str, Any]) -> str:
    names = [str(one["$ref"]).rpartition("/")[2] for one in (schema, *schema.get("anyOf", ())) if "$ref" in one]
    return ", ".join(f'<a href="#schema-{escape(name)}">{escape(name)}</a>' for name in names)


def _row(left: str, right: str) -> str:
    return f"<tr><td>{left}</td><td>{right}</td></tr>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_words(part)}</p>" for part in text.split("\n\n") if part.strip())


def _words(text: str) -> str:
    """Text with `code` between backticks, escaped."""
    parts = escape(text).replace("``", "`").split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
