"""The policy and the ranking in plain language (DSA art. 14, 27 and 38): what decides which items are shown and in
which order, why each criterion weighs what it weighs, and what a reader can change of it.

Numbers are read from the parameters in force; a test holds every parameter to being told.
"""

from __future__ import annotations

from controls.policy import Policy, Rule
from controls.rule_words import rule_in_words
from controls.scopes import EVERYWHERE
from feed.schemas.policy_words import CriterionOut, OptionOut, RuleWordsOut
from ranking.parameters import Parameters

_NEXT = "at the next request"


def criteria(p: Parameters) -> list[CriterionOut]:
    """What decides, the weightiest first."""
    found = [
        CriterionOut(
            "rules and decisions",
            "What the policy's rules and the decisions of named people say of an item: blocked items are never shown, "
            "restricted ones count less and are fewer, encouraged ones count more, and an editor may pin or feature an "
            "item for a time.",
            "It comes before everything else, for every reader alike: no liking outweighs a rule.",
            (),
        ),
        CriterionOut(
            "what you chose",
            "Items that you hid, authors and topics that you muted, and topics of which you want more or less.",
            f"What you say outright outweighs what you are seen doing: more counts {p.weight_more}, less "
            f"{p.weight_less} and hide {p.weight_hide}, where a click counts {p.weight_click}.",
            ("weight_more", "weight_less", "weight_hide"),
        ),
        CriterionOut(
            "what you did lately",
            f"Your last {p.history} clicks, longer looks, likes and shares vote for items that readers often choose "
            "together with them. What that is, is learned from all consenting readers' choices; nothing is inferred of "
            "who you are.",
            f"The more deliberate, the more it counts: a share {p.weight_share}, a like {p.weight_like}, a longer look "
            f"{p.weight_dwell}, a click {p.weight_click}.{_fading(p)}",
            (
                *("history", "half_life_days", "half_life_items", "candidates"),
                *("weight_share", "weight_like", "weight_dwell", "weight_click"),
            ),
        ),
        CriterionOut(
            "what you saw already",
            "An item that was shown to you before counts less, one that you opened is not shown again.",
            f"Each time it was shown leaves {p.seen_discount_permille / 10:g} % of its score, so that a page changes "
            "while you do not.",
            ("seen_discount_permille",),
        ),
        CriterionOut("variety", *_variety(p)),
        CriterionOut("places kept for others", *_places(p)),
        CriterionOut(
            "popularity",
            "Items that many readers chose lately, one voice for each reader and item. They fill pages that are not "
            "personalized, and those for which too little is known.",
            "It says nothing of you. Voices of new accounts, of bursts and of accounts that act alike are damped.",
            (),
        ),
        CriterionOut(
            "region, age and language",
            "Rules and decisions may hold in some regions, or for minors alone; who you are plays no other part.",
            "Laws and the protection of minors ask for it. What is not known is treated as the strictest.",
            (),
        ),
    ]
    return found


def _fading(p: Parameters) -> str:
    halves = []
    if p.half_life_items:
        halves.append(f"{p.half_life_items} items that you chose since")
    if p.half_life_days:
        halves.append(f"{p.half_life_days} days")
    return f" It counts half after {' or '.join(halves)}, because tastes change." if halves else ""


def _variety(p: Parameters) -> tuple[str, str, tuple[str, ...]]:
    said = f"At most {p.author_max} items of one author among {p.author_window} that follow one another"
    said += f", and {p.topic_max} of one topic among {p.topic_window}." if p.topic_max else "."
    if p.calibration:
        said += " Topics keep about the proportions that they have in what you did lately."
    why = "A page of one author or topic would starve all others, and tire you."
    return said, why, ("author_max", "author_window", "topic_max", "topic_window", "calibration")


def _places(p: Parameters) -> tuple[str, str, tuple[str, ...]]:
    kinds = (("fresh", p.fresh_every), ("popular", p.popular_every), ("editorial", p.editorial_every))
    said = [f"one of {every} goes to a {kind} item" for kind, every in kinds if every]
    if p.explore_every:
        said.append(f"one of {p.explore_every} to an item that few readers were shown yet, drawn by lot")
    words = f"Of the places of a personalized page, {', '.join(said)}." if said else "No place is kept for others."
    why = "New items and authors have to be seen before anybody can choose them."
    return words, why, ("fresh_every", "popular_every", "editorial_every", "explore_every")


def options() -> list[OptionOut]:
    """What a reader can change, and how; the first is the one that DSA art. 38 asks for."""
    settings = "PATCH /v1/readers/{reader}/settings"
    return [
        OptionOut(
            "a feed that is not based on profiling",
            "personalization off: pages depend on nothing that you did, and what you do counts for nobody's page",
            f'{settings} {{"personalization": false}}',
            _NEXT,
        ),
        OptionOut(
            "how a page is ordered",
            "personalized, popular, latest (newest first) or editorial; for one page by `mode` of GET /v1/feed",
            f'{settings} {{"mode": "latest"}}',
            _NEXT,
        ),
        OptionOut(
            "more or less of this",
            "events of the kinds `more`, `less` and `hide`, and topics under `more_topics` and `less_topics`",
            "POST /v1/events",
            "within the same session, at the next request",
        ),
        OptionOut(
            "mute an author or a topic",
            "for a time or for good",
            "PUT /v1/readers/{reader}/mutes",
            _NEXT,
        ),
        OptionOut(
            "sensitive items",
            "hidden, shown with a notice, or shown as they are",
            f'{settings} {{"sensitive": "hide"}}',
            _NEXT,
        ),
        OptionOut(
            "interests",
            "see which topics and items speak for you, and change them",
            "GET|PATCH /v1/readers/{reader}/interests",
            _NEXT,
        ),
        OptionOut(
            "history",
            "see what is remembered, take single items out of it, or all of it",
            "GET|DELETE /v1/readers/{reader}/history",
            _NEXT,
        ),
        OptionOut(
            "experiments",
            "to be in none: pages that are not personalized never are; `arms` of a page names those that it is in",
            f'{settings} {{"personalization": false}}',
            _NEXT,
        ),
        OptionOut(
            "why is this here",
            "for every item that was shown: its source, its reasons, and the rules and decisions that acted",
            "GET /v1/feed/{request_id}/why/{item}",
            "for as long as the page is kept",
        ),
    ]


def rules_in_words(policy: Policy) -> list[RuleWordsOut]:
    """Every rule of a policy, in its order."""
    return [
        RuleWordsOut(
            rule.id,
            rule.tier,
            rule.mode,
            rule_in_words(rule, policy.tiers),
            _where(rule),
            f"{rule.basis.kind} {rule.basis.clause}" if rule.basis is not None else "",
            rule.review_by.isoformat() if rule.review_by is not None else None,
        )
        for rule in policy.rules
    ]


def _where(rule: Rule) -> str:
    scope = rule.scope
    parts = ["on all surfaces" if EVERYWHERE in scope.surfaces else f"on {', '.join(scope.surfaces)}"]
    parts.append("in all regions" if EVERYWHERE in scope.regions else f"in {', '.join(scope.regions)}")
    parts.append({"any": "for everybody", "adult": "for adults", "minor": "for minors"}[scope.audience])
    return ", ".join(parts)
