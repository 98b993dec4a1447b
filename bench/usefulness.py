"""What drawn lines are worth: the same network and the same number of line passes on different material.

    python bench/usefulness.py texts  --text ../shared/data/text --work out
    python bench/peers/synthtiger_lines.py --texts out/texts.txt --fonts fonts --out out/tiger -n 8000  # in its python
    python bench/usefulness.py train  --real ../shared/data/vi/cinnamon ../shared/data/latin/copiste_d_un_jour \
        --fonts fonts --work out --peer out/tiger --arms ours peer real both

Arms: `ours`, the first `-n` texts drawn by the recipe vi; `ours-NAME`, the same without an effect or a group of them;
`live`, the same texts drawn anew while training, each line used twice; `peer`, the first texts drawn by the peer;
`real`, the train parts of the real sets, or the first `--limit` lines of each by hash; `both`, these and live drawn
ones whose share falls from 0.8 to nothing over the first 60 % of the run; `paste`, the same with half of the drawn
lines put together from pieces of the real ones (--pieces). No validation line is trained on and no epoch is picked:
what is scored is the last averaged weights. A row of the result is one arm, one seed and one real set's validation
part. A run that was interrupted goes on when the same command is given again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from harness import RESULTS, append_csv

from netchu.data.lines import Sample, read_lines, write_lines
from netchu.synth.drawer import DrawSpec
from netchu.synth.texts import open_texts
from netchu.train.config import configure
from netchu.train.examples import Source
from netchu.train.run import train

OPTIONS = {
    "languages": ["vi", "fr", "de", "es", "it", "pt", "en"], "learning_rate": 0.003, "warmup": 0.03, "cooldown": 0.65,
    "check": False, "architecture": "tiny",
}  # fmt: skip
FALLING = {"drawn_start": 0.8, "drawn_end": 0.0, "drawn_until": 0.6}
ALONE = {"drawn_start": 1.0, "drawn_end": 1.0, "drawn_reuse": 2}


def write_texts(folder: Path, out: Path, seed: int = 7) -> None:
    """12,000 Vietnamese texts and 8,000 French ones, shuffled."""
    rng = np.random.default_rng(seed)
    texts = [open_texts("vi", folder).sample(rng) for _ in range(12_000)]
    french = open_texts("fr", folder, {"running": 1.0, "words": 0.0, "rare": 0.0, "figures": 0.0})
    texts += [french.sample(rng) for _ in range(8_000)]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(texts[k] for k in rng.permutation(len(texts))) + "\n", encoding="utf-8", newline="\n")


def draw(spec: DrawSpec, texts: list[str], out: Path, seed: int) -> None:
    """The given texts, in their order, as a native data set."""
    drawer = spec.open()
    engine = drawer.engines["font"]
    (out / "lines").mkdir(parents=True, exist_ok=True)
    samples = []
    for k, text in enumerate(text for text in texts if engine.covers(text)):
        path = out / "lines" / f"{k:06d}.jpg"
        picture = drawer.draw(text, engine, np.random.default_rng([seed, k])).picture
        path.write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
        samples.append(Sample(path, text, "train"))
    write_lines(out, samples)


def run(arm: str, seed: int, args: argparse.Namespace) -> None:
    """Train one arm and score it on the real sets' validation parts."""
    model = args.work / f"{arm}-{args.architecture}-{args.passes}-{args.limit or 'all'}-{seed}.onnx"
    live, with_real = arm in ("live", "both", "paste"), arm in ("real", "both", "paste")
    options = {**OPTIONS, "seed": seed, "architecture": args.architecture, "threads": args.threads}
    real = [few(path, args.limit, args.work) for path in args.real] if args.limit else args.real
    sources = [Source(path, 1.0 if with_real else 1e-4) for path in real]  # 1e-4: for validation only
    spec = None
    if live:
        settings = [("language", "lines")] + ([("engines.paste", 1.0)] if arm == "paste" else [])
        spec = DrawSpec("vi", str(args.fonts), str(args.work / "texts.txt"), "", str(args.pieces or ""),
                        seed=seed, settings=tuple(settings))  # fmt: skip
        options |= ALONE if arm == "live" else FALLING
        options |= {"epochs": 10, "epoch_lines": args.passes // 10, "evaluate_every": 10}
    elif arm != "real":
        sources.append(Source(args.peer if arm == "peer" else drawn(arm, args), 0.5))
    if not live:
        lines = sum(source.weight * count(source.path) for source in sources)
        options["epochs"] = options["evaluate_every"] = max(1, round(args.passes / lines))
    if not model.exists():
        train(sources, model, configure(options), synth=spec, resume=model.with_suffix(".run").exists())
    for path in args.real:
        command = [sys.executable, "-m", "netchu", "eval", path, "-m", model, "--split", "val", "--json"]
        score = json.loads(subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout)
        row = {"arm": arm, "seed": seed, "passes": args.passes, "architecture": options["architecture"],
               "drawn": args.n if not live and arm != "real" else "", "real": args.limit or "all" if with_real else "",
               "set": path.name, "lines": score["lines"], "cer": score["cer"], "cer_low": score["cer_ci95"][0],
               "cer_high": score["cer_ci95"][1], "wer": score["wer"]}  # fmt: skip
        append_csv(RESULTS / "usefulness.csv", [row])


def drawn(arm: str, args: argparse.Namespace) -> Path:
    """The folder of `ours` or `ours-NAME`, drawn unless it is there."""
    folder: Path = args.work / arm
    if not (folder / "lines.tsv").exists():
        off = arm.partition("-")[2]
        settings = (("language", "lines"), *([(off if off == "hand" else f"effects.{off}", 0.0)] if off else []))
        spec = DrawSpec("vi", str(args.fonts), str(args.work / "texts.txt"), seed=1, settings=settings)
        texts = (args.work / "texts.txt").read_text(encoding="utf-8").splitlines()[: args.n]
        draw(spec, texts, folder, seed=1)
    return folder


def few(path: Path, limit: int, work: Path) -> Path:
    """A set with the first train lines by hash of a set, and all its validation lines."""
    found = read_lines(path)
    train_lines = sorted(
        found.part("train").samples, key=lambda sample: hashlib.sha256(found.name(sample).encode()).digest()
    )
    folder = work / f"{path.name}-{limit}"
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder, [*train_lines[:limit], *found.part("val").samples])
    return folder


def count(folder: Path) -> int:
    """Train lines of a native set."""
    rows = (folder / "lines.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return sum(row.split("\t")[2] == "train" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["texts", "train"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--text", type=Path, help="folder of word lists and running text")
    parser.add_argument("--real", type=Path, nargs="+", default=[])
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--pieces", type=Path)
    parser.add_argument("--arms", nargs="+", default=["ours", "peer", "real", "both"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--passes", type=int, default=100_000)
    parser.add_argument("--architecture", default="tiny")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--limit", type=int, default=0, help="train lines of each real set; 0: all")
    parser.add_argument("-n", type=int, default=8_000, help="drawn lines of the arms that draw before they train")
    args = parser.parse_args()
    if args.what == "texts":
        write_texts(args.text, args.work / "texts.txt")
        return
    for seed in args.seeds:
        for arm in args.arms:
            run(arm, seed, args)


if __name__ == "__main__":
    main()
