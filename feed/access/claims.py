"""Claims: what a verified token says, read strictly. What means nothing is left unknown, which is the strictest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from jwt.utils import base64url_decode

from controls.scopes import EVERYWHERE, AgeClass, Audience
from feed.access.caller import UNKNOWN
from feed.errors import TokenInvalid

_LAST_SECOND = 1 << 53
_REGION = re.compile("[A-Z]{2}")
_LANGUAGE = re.compile("[a-z]{2,3}")


def require_single(token: str) -> None:
    """Raise ``TokenInvalid`` for a token that names a claim or a field of its header twice: another reader of it could
    take the other one (RFC 7519 section 4)."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise TokenInvalid("the token names something twice; get a new one")
        return found

    for part in token.split(".")[:2]:
        json.loads(base64url_decode(part), object_pairs_hook=once)


def second_of(value: object, claim: str) -> float:
    """Seconds since 1970 of a claim; raises ``TokenInvalid``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LAST_SECOND:
        raise TokenInvalid(f"the token's {claim} is not a number of seconds; get a new one")
    return float(value)


def matching(value: object, pattern: re.Pattern[str], otherwise: str) -> str:
    """The value if it is text of a pattern."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else otherwise


def claimed_audience(claims: Mapping[str, object]) -> Audience:
    """The audience that the claims ``region``, ``age`` and ``lang`` say."""
    ages = {age.value: age for age in AgeClass}
    audience = Audience(
        region=matching(claims.get("region"), _REGION, EVERYWHERE),
        age=ages.get(str(claims.get("age")), AgeClass.UNKNOWN),
        language=matching(claims.get("lang"), _LANGUAGE, EVERYWHERE),
    )
    return UNKNOWN if audience == UNKNOWN else audience
