"""The words of the simulated community: topics, their strands, and titles put together from them.

Every title is generated; none is copied. Rumours and spam read like it, so that a person who looks at a page
sees what a label is about.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from numpy.random import Generator

TOPICS: dict[str, tuple[str, ...]] = {
    "sport": ("cycling", "rowing", "football", "climbing", "chess"),
    "music": ("jazz", "choirs", "synthesizers", "folk songs", "vinyl"),
    "science": ("astronomy", "fungi", "oceans", "materials", "glaciers"),
    "food": ("baking", "street food", "fermenting", "school meals", "orchards"),
    "travel": ("night trains", "islands", "walking routes", "border towns", "ferries"),
    "technology": ("batteries", "compilers", "radio", "open hardware", "maps"),
    "health": ("sleep", "first aid", "vaccines", "hearing", "midwives"),
    "culture": ("theatre", "murals", "archives", "dialects", "puppetry"),
    "politics": ("town councils", "elections", "budgets", "petitions", "referendums"),
    "economy": ("rents", "wages", "small shops", "harbours", "cooperatives"),
    "nature": ("wetlands", "bees", "wolves", "old trees", "tides"),
    "history": ("canals", "letters", "ruins", "railways", "cartographers"),
    "games": ("board games", "puzzles", "arcades", "role playing", "speedruns"),
    "film": ("documentaries", "animation", "silent film", "festivals", "soundtracks"),
    "books": ("poetry", "translations", "libraries", "crime novels", "essays"),
    "education": ("apprentices", "kindergartens", "night schools", "mathematics", "playgrounds"),
    "home": ("repairs", "gardens", "insulation", "knitting", "small flats"),
    "weather": ("storms", "floods", "drought", "snow", "fog"),
    "transport": ("trams", "bridges", "bicycle lanes", "lorries", "airports"),
    "law": ("courts", "privacy", "patents", "tenants", "juries"),
}
"""Topic and its five strands. An item carries its topic and its strand as topics."""

STRANDS = 5
NAMES = tuple(TOPICS)

_PLAIN = (
    "{place} opens a {adjective} {thing} for {strand}",
    "Why {place} argues about {strand}",
    "How to start with {strand}: a {adjective} {thing}",
    "The {adjective} side of {strand}",
    "{number} lessons from a winter of {strand}",
    "What {strand} taught {person}",
    "{person} on {strand}, doubt and a {adjective} {thing}",
    "Inside the {adjective} {thing} behind {strand} in {place}",
    "A day of {strand} in {place}",
    "{strand}, explained with one {thing}",
    "Who pays for {strand} in {place}?",
    "Letters: {strand} and the {adjective} {thing}",
)
_NEWS = (
    "Live from {place}: {strand} and what is known so far",
    "{place}: {number} questions about {strand} answered",
    "Overnight in {place}, {strand} became everybody's business",
    "Map: where {strand} changed {place} today",
)
_RUMOUR = (
    "They are hiding what happened with {strand} in {place}",
    "Insider: {strand} in {place} will be over by Friday",
    "Nobody may talk about {strand}. {person} does",
)
_SPAM = (
    "Earn {number}00 a week with {strand}, no questions asked",
    "One {adjective} trick: {strand} for free, click now",
    "You have won a {thing} for {strand}",
)
_ADJECTIVES = "quiet patient stubborn borrowed honest crooked bright forgotten small generous late careful".split()
_THINGS = "workshop ledger map notebook lantern kitchen choir bench engine window promise archive".split()
_PEOPLE = "Ilse Marek Oona Teodor Wanda Baptiste Runa Cyril Noor Edda Joris Samira".split()
_HEADS = "Vel Kar Oster Lin Brem Tal Mor Hess Ald Quin Rov Sund".split()
_TAILS = "mora wick heim dale ford sund au by stad grove".split()


def cell_of(topics: Sequence[str]) -> int:
    """The cell that suits an item with these topics; any words do, and the same words always give the same cell."""
    first, second = (*topics, "", "")[:2]
    topic = NAMES.index(first) if first in TOPICS else zlib.crc32(first.encode()) % len(NAMES)
    strands = TOPICS[NAMES[topic]]
    strand = strands.index(second) if second in strands else zlib.crc32(second.encode()) % STRANDS
    return topic * STRANDS + strand


def topic_and_strand(cell: int) -> tuple[str, str]:
    """The topic and strand of a cell; cells are numbered topic by topic."""
    name = NAMES[cell // STRANDS]
    return name, TOPICS[name][cell % STRANDS]


def place(rng: Generator) -> str:
    """A town that does not exist."""
    return _HEADS[rng.integers(len(_HEADS))] + _TAILS[rng.integers(len(_TAILS))]


def person(rng: Generator) -> str:
    """A name for an author."""
    return f"{_PEOPLE[rng.integers(len(_PEOPLE))]} {place(rng)}"


def title(rng: Generator, cell: int, *, rumour: bool, spam: bool, news_from: str) -> str:
    """A title for an item of this cell; ``news_from`` names the town of its burst, or is empty."""
    forms = _SPAM if spam else _RUMOUR if rumour else _NEWS if news_from else _PLAIN
    text = forms[rng.integers(len(forms))].format(
        strand=topic_and_strand(cell)[1],
        place=news_from or place(rng),
        person=_PEOPLE[rng.integers(len(_PEOPLE))],
        adjective=_ADJECTIVES[rng.integers(len(_ADJECTIVES))],
        thing=_THINGS[rng.integers(len(_THINGS))],
        number=int(rng.integers(3, 12)),
    )
    return text[0].upper() + text[1:]
