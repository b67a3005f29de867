"""A seeded simulated community: readers, authors, items, labels and news, with the truth behind them known.

The same seed gives the same world. It owns no clock and no files: time comes in as seconds, randomness from
the seed alone. Nothing here knows what the ranker does; it only answers to what was shown.
"""

from experiments.world.columns import ReactionColumns, SimulatedAuthor, SimulatedItem
from experiments.world.community import History, Reaction, Step, World

__all__ = ["History", "Reaction", "ReactionColumns", "SimulatedAuthor", "SimulatedItem", "Step", "World"]
