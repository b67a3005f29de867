"""What the browser may do on a page of the service: show its text by its own style, and nothing else.

Owns the content security policy (W3C CSP3) of every HTML page. No script, no style but the one that its hash names, no
frame around it, nothing fetched; a form is sent here or nowhere.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256


def page_policy(style: str, *, forms: bool = False) -> str:
    """The policy of pages with this text between ``<style>`` and ``</style>``, and whether they have forms."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    sends = "'self'" if forms else "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action {sends}; frame-ancestors 'none'; base-uri 'none'"
    )
