"""netchu train --pages: pages with their lines in, a line finder out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


def train_finder(
    datasets: Sequence[Path], output: Path, config: Any, resume: bool, as_json: bool, synth: Any, base: str | None
) -> None:  # fmt: skip
    """Run the training, a row an event on the screen; exit code 130 when it was interrupted."""
    from netchu.train.pages.run import train_pages

    show = (lambda event: click.echo(json.dumps(event, ensure_ascii=False))) if as_json else _say
    outcome = train_pages(datasets, output, config, resume, show, synth, Path(base) if base else None)
    if outcome.model is None:
        click.echo(f"netchu: interrupted; --resume goes on from {outcome.folder}", err=True)
        sys.exit(130)
    click.echo(f"{outcome.model}")


def _say(event: dict[str, Any]) -> None:
    kind, step = event["event"], event["step"]
    if kind == "start":
        text = f"{event['parameters']:,} parameters, {event['precision']}; {event['pages']} pages, {event['held']} held"
    elif kind == "step":
        text = f"step {step:6}  loss {event['loss']:.3f}  {step / max(event['seconds'], 1e-9):.2f} steps/s"
    elif kind == "evaluation" and "baseline_f" in event:
        text = f"step {step:6}  " + "  ".join(
            f"{name} {event[key]:.4f}" for name, key in (
                ("R", "baseline_recall"), ("P", "baseline_precision"), ("F", "baseline_f"), ("areas", "hmean"))
        )  # fmt: skip
    else:
        text = f"{kind} at step {step}" + (f": {event['why']}" if "why" in event else "")
    click.echo(text, err=True)
