"""Drawing speed on one core: netchu's synthesis against SynthTIGER and TRDG, interleaved in rounds within one run.

    python bench/synthesis.py --text ../shared/data/text --fonts FONTS --rounds 5 \
        --tiger-python .peers/synthtiger/bin/python --trdg-python .peers/trdg/bin/python

The peers live in environments of their own; bench/peers/*_lines.py say how to make them, and which effects are drawn.
All draw the same Vietnamese address lines of 32 to 48 characters, 64 rows high, with the same fonts equally weighted,
into memory: no file is encoded or written. All sit on the same core with one thread each; start, the scan of the fonts
and a first pass are not timed. Counted are pictures per second of processor time, which other programs change little.
netchu `full`: the recipe `vi`; `scene`: with SynthTIGER's kinds of effects besides; `plain`: the font's letters as they
are on an even ground. Every ratio is to the faster of a peer's ways of drawing (with effects, or plain) in that round.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and its kin are loaded, here and in the workers

from harness import RESULTS, Requests, Worker, append_csv, busy_cores, ratio_by_round, versions

OURS, TIGER, TRDG = "netchu", "synthtiger", "trdg"
MODES = {
    OURS: ("full", "scene", "plain"),
    TIGER: ("words", "letters", "plain"),
    TRDG: ("full", "quasicrystal", "plain"),
}
PLAIN_SETTINGS = (("strength", 0.0), ("hand", 0.0), ("sheets.plain", 1.0))
SETTINGS = {"full": (), "scene": (("scene", True),), "plain": PLAIN_SETTINGS}
QUIET = 0.2


def ours(fonts: Path, texts: list[str], height: int, seed: int, mode: str) -> Any:
    """A function that draws text k with netchu, as those of bench/peers do."""
    import cv2
    import numpy as np

    from netchu.synth.drawer import DrawSpec

    cv2.setNumThreads(1)
    # a source of texts that needs no folder: the texts are given
    settings = (*SETTINGS[mode], ("language", "figures"))
    drawer = DrawSpec("vi", fonts=str(fonts), seed=seed, height=height, settings=settings).open()
    engine = drawer.engines["font"]

    def draw(k: int, text: str) -> Any:
        if not engine.covers(text):
            return None
        return drawer.draw(text, engine, np.random.default_rng([seed, k])).picture

    return draw


def work(system: str) -> None:
    """A worker: opens its ways of drawing once, and times a burst of one of them on request."""
    requests = Requests()
    setup = requests.receive() or sys.exit()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    sys.path.insert(0, str(Path(__file__).parent / "peers"))
    from lines_set import burst

    if system == OURS:
        open_drawer = ours
    else:
        open_drawer = __import__(f"{system}_lines").open_drawer
    texts = setup["texts"]
    draws = {mode: open_drawer(Path(setup["fonts"]), texts, setup["height"], 0, mode) for mode in MODES[system]}
    for draw in draws.values():
        burst(draw, texts, setup["warm"], 0)
    requests.send(versions=versions(system, "numpy", "opencv-python", "opencv-python-headless", "Pillow"))
    while request := requests.receive():
        requests.send(**burst(draws[request["mode"]], texts, request["seconds"], request["first"]))


def address_lines(folder: Path, fonts: Path, count: int) -> list[str]:
    """Vietnamese addresses of 32 to 48 characters by netchu's own source, seed 0, that some font covers wholly."""
    import numpy as np

    from netchu.synth.fonts import find_fonts
    from netchu.synth.texts import open_texts

    others = dict.fromkeys(("bare", "running", "rare", "person", "figures", "foreign"), 0.0)
    source, rng = open_texts("vi", folder, {"address": 1.0, **others}), np.random.default_rng(0)
    able, lines = find_fonts(fonts), []
    while len(lines) < count:
        text = source.sample(rng)
        if 32 <= len(text) <= 48 and any(font.covers(text) for font in able):
            lines.append(text)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, help="folder of word lists and running text")
    parser.add_argument("--fonts", type=Path, help="folder of fonts")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="shortest burst; all lines are drawn at least once")
    parser.add_argument("--warm", type=float, default=5, help="seconds of drawing before the first round")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--tiger-python", type=Path, default=Path(".peers/synthtiger/bin/python"))
    parser.add_argument("--trdg-python", type=Path, default=Path(".peers/trdg/bin/python"))
    parser.add_argument("--out", type=Path, default=RESULTS / "synthesis.csv")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work(args.worker)
    if not args.text or not args.fonts:
        parser.error("--text and --fonts are needed")

    texts = address_lines(args.text, args.fonts, args.lines)
    setup = {
        "texts": texts,
        "fonts": str(args.fonts.resolve()),
        "height": args.height,
        "core": args.core,
        "warm": args.warm,
    }
    pythons = {OURS: Path(sys.executable), TIGER: args.tiger_python, TRDG: args.trdg_python}
    workers = {s: Worker([python, __file__, "--worker", s], threads=1) for s, python in pythons.items()}
    about = {system: worker.ask(**setup)["versions"] for system, worker in workers.items()}

    runs = [(system, mode) for system in workers for mode in MODES[system]]
    replies: dict[tuple[str, str], list[dict[str, float]]] = {run: [] for run in runs}
    others = 0.0
    for number in range(args.rounds):
        others = max(others, busy_cores(0.5))
        for system, mode in random.Random(number).sample(runs, len(runs)):
            first = (number + 1) * 1_000_000  # every round draws other pictures of the same texts
            replies[system, mode].append(workers[system].ask(mode=mode, seconds=args.seconds, first=first))
        print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
    for worker in workers.values():
        worker.close()
    report(replies, about, args, others, sum(map(len, texts)) / len(texts))


def report(
    replies: dict[tuple[str, str], list[dict[str, float]]],
    about: dict[str, str],
    args: Any,
    others: float,
    chars: float,
) -> None:
    """Print the table and append the rows."""
    speeds = {run: [reply["pictures"] / reply["cpu"] for reply in each] for run, each in replies.items()}

    def peer(system: str, plain: bool) -> list[float]:
        ways = [speeds[system, mode] for mode in MODES[system] if (mode == "plain") == plain]
        return [max(each) for each in zip(*ways, strict=True)]

    print(f"{args.lines} address lines of {chars:.0f} characters, {args.height} rows, {args.rounds} rounds, one core")
    if others > QUIET:
        print(f"warning: other programs kept up to {others:.1f} cores busy; these ratios are not to be quoted")
    print(f"{'system':12}{'mode':14}{'pictures/s':>11}{'columns':>9}{'to ' + TIGER:>15}{'to ' + TRDG:>9}")
    records = []
    for (system, mode), values in speeds.items():
        tiger, trdg = (ratio_by_round(values, peer(name, mode == "plain")) for name in (TIGER, TRDG))
        spent = {key: sum(reply[key] for reply in replies[system, mode]) for key in replies[system, mode][0]}
        columns = spent["columns"] / spent["pictures"]
        speed = statistics.median(values)
        print(f"{system:12}{mode:14}{speed:11.2f}{columns:9.0f}{tiger.median:15.2f}{trdg.median:9.2f}")
        records.append(
            {
                "system": system,
                "mode": mode,
                "lines": args.lines,
                "characters_mean": round(chars, 1),
                "height": args.height,
                "columns_mean": round(columns),
                "threads": 1,
                "rounds": args.rounds,
                "pictures_per_cpu_second_median": round(speed, 2),
                "ratio_to_synthtiger_median": round(tiger.median, 2),
                "ratio_to_synthtiger_min": round(tiger.low, 2),
                "ratio_to_synthtiger_max": round(tiger.high, 2),
                "ratio_to_trdg_median": round(trdg.median, 2),
                "ratio_to_trdg_min": round(trdg.low, 2),
                "ratio_to_trdg_max": round(trdg.high, 2),
                "share_of_core": round(spent["cpu"] / spent["wall"], 2),
                "others_busy_cores": round(others, 2),
                "versions": about[system],
            }
        )
    append_csv(args.out, records)


if __name__ == "__main__":
    main()
