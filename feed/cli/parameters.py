"""Parameters as commands take them: ``--set NAME=VALUE``, or the file that ``weir tune`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from feed.cli.failures import BadInput

Parameter = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the model; may be repeated.")
]
ParametersFile = Annotated[
    Path | None,
    typer.Option("--parameters", metavar="FILE", help="Take model and parameters from what `weir tune` wrote."),
]
Dense = Annotated[
    bool,
    typer.Option("--dense/--no-dense", help="Train the model before its cut to a graph too, and tell what that costs."),
]

Peers = Annotated[
    bool,
    typer.Option("--peers/--no-peers", help="Tell the interval over the best model of the implicit library too."),
]


def parameters_of(given: list[str] | None) -> dict[str, Any]:
    """``name=value`` texts as parameters; values are JSON, or else plain text. Raises BadInput."""
    parameters: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise BadInput(f"--set {text!r} is no NAME=VALUE; write for example components=512")
        try:
            parameters[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            parameters[name] = value
    return parameters


def asked(model: str | None, given: list[str] | None, file: Path | None, default: str) -> tuple[str, Mapping[str, Any]]:
    """Model and parameters that a command was asked for. Raises BadInput where they contradict or do not hold."""
    if file is None:
        return model or default, parameters_of(given)
    if model is not None or given:
        raise BadInput("--parameters names model and parameters; leave --model and --set out")
    try:
        content = orjson.loads(file.read_bytes())
    except OSError as cause:
        raise BadInput(f"{file}: cannot be read ({cause.strerror})") from cause
    except orjson.JSONDecodeError as cause:
        raise BadInput(f"{file}: is no JSON ({cause}); name what `weir tune` wrote") from cause
    if not isinstance(content, dict):
        raise BadInput(f"{file}: holds no model and parameters; name what `weir tune` wrote")
    named, parameters = content.get("model"), content.get("parameters")
    if not isinstance(named, str) or not isinstance(parameters, dict):
        raise BadInput(f"{file}: holds no model and parameters; name what `weir tune` wrote")
    return named, parameters
