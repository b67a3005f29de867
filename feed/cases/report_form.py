"""The public form: anybody reports an item from a browser. Pages are text alone and work without a script.

Whoever reports may stay unnamed. What was wrong with a form is said on the form, which keeps what was written in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import parse_qsl

from pydantic import Field, ValidationError

from feed.errors import BodyUnreadable, InputInvalid
from feed.http.page_policy import page_policy
from feed.http.refusals import faults_of
from feed.schemas.cases import ReportOut
from feed.schemas.fields import Id, Text, Wire, Word

FORM_TYPE = "application/x-www-form-urlencoded"
_FIELDS = 10

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}label{display:block;margin:1rem 0 .2rem}input,select,textarea,button{font:inherit;width:100%;"
    "box-sizing:border-box;padding:.4rem}input[type=checkbox]{width:auto}textarea{min-height:8rem}"
    "[role=alert]{border-left:4px solid #b00020;padding-left:.8rem}code{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}}"
)

PAGE_POLICY = page_policy(_STYLE, forms=True)
"""The content security policy of the form: no script at all, and it is sent nowhere else."""


class ReportForm(Wire):
    """What the form sends. Names and addresses are the reporter's to give or not."""

    item: Id
    category: Word
    text: Text = Field(min_length=1)
    name: Text = Field(default="", max_length=200)
    email: Text = Field(default="", max_length=254)
    good_faith: Word = ""
    key: Word = ""


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form that was sent; raises ``BodyUnreadable``."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"))
    except (UnicodeDecodeError, ValueError):
        raise BodyUnreadable("the form is not in UTF-8, or has fields of no form; send it as the page has it") from None


def checked_form(sent: Mapping[str, str]) -> ReportForm:
    """The form, once it holds; raises ``InputInvalid`` for what does not."""
    try:
        form = ReportForm.model_validate(sent)
    except ValidationError as error:
        faults = faults_of(error)
        raise InputInvalid(f"{faults[0].field}: {faults[0].message}", faults=faults) from None
    if not form.good_faith:
        raise InputInvalid("good_faith: say that you report in good faith")
    return form


def form_page(categories: Sequence[str], sent: Mapping[str, str], key: str, wrong: str = "") -> str:
    """The form, with what was sent already, and what was wrong with it."""
    options = "".join(
        f"<option{' selected' if category == sent.get('category') else ''}>{escape(category)}</option>"
        for category in categories
    )
    alert = f'<p role="alert">{escape(wrong)}</p>' if wrong else ""

    def value(name: str) -> str:
        return escape(sent.get(name, ""))

    return _page(
        "Report an item",
        f"{alert}<p>Somebody will look at it, and you can follow what became of it. You need not say who you are.</p>"
        '<form method="post" action="/report" accept-charset="utf-8">'
        f'<input type="hidden" name="key" value="{escape(key)}">'
        f'<label for="item">Id of the item</label><input id="item" name="item" required maxlength="128"'
        f' value="{value("item")}">'
        f'<label for="category">What is it?</label><select id="category" name="category">{options}</select>'
        '<label for="text">What is wrong with it, and why?</label>'
        f'<textarea id="text" name="text" required maxlength="4000">{value("text")}</textarea>'
        '<label for="name">Your name (if you like)</label>'
        f'<input id="name" name="name" maxlength="200" autocomplete="name" value="{value("name")}">'
        '<label for="email">Your e-mail address (if you like)</label><input id="email" name="email" type="email"'
        f' maxlength="254" autocomplete="email" value="{value("email")}">'
        '<p><label><input type="checkbox" name="good_faith" value="yes" required> I report in good faith: what I say'
        " is right and complete as far as I know.</label></p><button>Report</button></form>",
    )


def receipt_page(report: ReportOut) -> str:
    """What a reporter may know of their report."""
    states = {"received": "It waits for somebody to look at it.", "in_review": "Somebody is looking at it."}
    said = states.get(report.state, "")
    if report.state == "decided":
        outcome = {"acted": "Action was taken", "no_action": "No action was taken"}.get(report.outcome, report.outcome)
        said = f"{outcome}: {report.answer}"
    path = f"/report/{report.id}"
    return _page(
        "Your report",
        f"<p>Your receipt is <code>{escape(report.id)}</code>. Keep it, or this page's address: "
        f'<a href="{escape(path)}">{escape(path)}</a>. Nobody else knows it.</p>'
        f"<p>Item <code>{escape(report.item)}</code>, reported as {escape(report.category)}.</p><p>{escape(said)}</p>",
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
