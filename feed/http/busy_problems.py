"""The problems of a service that has more to do than it can: come back later (``feed.http.problems``)."""

from __future__ import annotations

from feed.http.problem import Problem

BUSY_PROBLEMS = (
    Problem(
        "store-busy",
        503,
        "Too many writes are waiting",
        "The writer's queue is full; nothing was written.",
        "Try again as `Retry-After` says.",
    ),
    Problem(
        "store-slow",
        503,
        "The store did not confirm in time",
        "The store takes longer than anybody should wait; what was sent may have been written, or not.",
        "Send or ask the same again as `Retry-After` says: events with the same `client_id` are stored once.",
    ),
    Problem(
        "overloaded",
        503,
        "More is asked than can be answered",
        "The process cannot answer in time, so it refuses, bulk before pages and decisions; nothing was done.",
        "Try again as `Retry-After` says, and less often if it stays.",
    ),
)
