"""What a soak came to, as tables in Markdown."""

from __future__ import annotations

from benchmarks.load_memory import FLAT_COUNT, FLAT_SHARE
from benchmarks.load_soak import HOUR_RATE, HOUR_REQUESTS, Soak
from benchmarks.markdown import table


def report(soaked: Soak) -> str:
    """What was done, how memory went, and the verdict."""
    course = soaked.course
    done = table(
        ("seconds", "requests", *soaked.done, "shed", "unexpected", "feed p99 ms"),
        [
            (
                f"{soaked.seconds:.0f}",
                f"{soaked.requests:,}",
                *(f"{number:,}" for number in soaked.done.values()),
                soaked.shed,
                ", ".join(f"{number} {what}" for what, number in soaked.unexpected.items()) or 0,
                f"{soaked.feed_p99_ms:.1f}",
            )
        ],
    )
    memory = table(
        ("half", "median memory MB", "least threads", "least files"),
        [
            (name, f"{half.own_mb:,.1f}", half.threads, half.files)
            for name, half in (("first", course.first), ("second", course.second))
        ],
        words=1,
    )
    return (
        f"{done}\n{memory}\n"
        f"{soaked.hours:.2f} hours of {HOUR_RATE:g} requests a second ({HOUR_REQUESTS:,} an hour) in "
        f"{soaked.seconds:.0f} s, after the warm-up.\n"
        f"flat: {'yes' if course.flat else 'no'}. Memory of no file grew by {course.growth:+.2%} from half to half "
        f"(flat below {FLAT_SHARE:.0%}; threads and files within {FLAT_COUNT}); in the second half by "
        f"{course.slope_bytes:,.0f} bytes a request, {course.slope_bytes * HOUR_REQUESTS / 1e6:+,.1f} MB an hour.\n"
    )
