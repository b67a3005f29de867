"""The command line: one file per group of commands, each a thin client of the packages below it.

Errors are one line that names what was wrong, where, and what to do. Exit codes: 0 done, 1 failed, 2 wrong usage or
bad input.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from feed.cli import evidence, experiment, log, policy
from feed.cli.backup import backup, restore
from feed.cli.capacity import capacity
from feed.cli.demo import demo
from feed.cli.doctor import doctor
from feed.cli.evaluate import evaluate
from feed.cli.export import export
from feed.cli.failures import told
from feed.cli.importing import import_data
from feed.cli.migrate import migrate
from feed.cli.popularity import popularity
from feed.cli.replay import replay
from feed.cli.retrain import retrain
from feed.cli.serve import serve
from feed.cli.token import token
from feed.cli.train import train
from feed.cli.transparency import transparency
from feed.cli.tune import tune

app = typer.Typer(
    name="weir",
    help="A recommendation feed whose algorithm is governed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.command("serve")(serve)
app.command("import")(import_data)
app.command("export")(export)
app.command("train")(train)
app.command("retrain")(retrain)
app.command("tune")(tune)
app.command("evaluate")(evaluate)
app.command("popularity")(popularity)
app.command("replay")(replay)
app.add_typer(log.app, name="log")
app.add_typer(evidence.app, name="evidence")
app.add_typer(policy.app, name="policy")
app.add_typer(experiment.app, name="experiment")
app.command("capacity")(capacity)
app.command("transparency")(transparency)
app.command("token")(token)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("migrate")(migrate)
app.command("doctor")(doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What goes wrong is told in one line on the error output."""

    def run() -> int:
        code = app(args=None if arguments is None else list(arguments), prog_name="weir", standalone_mode=False)
        return code if isinstance(code, int) else 0

    return told(run)
