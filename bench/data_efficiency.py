"""How few real lines are enough: error rates after training on 50, 100, 300 ... of them, from a shipped model and anew.

    python bench/data_efficiency.py --data ../shared/data/latin/{cremma_mss19,cremma_mss20,peraire} \
        ../shared/data/latin/{stanford_memorials,testament_de_poilus} --work out
    python bench/data_efficiency.py --data ... --work out --starts kraken --sizes 300 --peer .peers/kraken/bin

The sets should be ones that the shipped model (`--base`) was not trained on. The first lines of their train parts
together, by hash, are trained on; all lines of their validation parts are scored, with the last averaged weights, so
that no epoch is picked by them. Starts: `shipped`, `--base` taught further with what docs/training.md advises for so
few lines; `scratch`, the same architecture and as many line passes; `kraken`, `ketos train` with its defaults from
scratch (its wheel carries no reader to start from) for `--seconds` of processor time. All with one thread. `0` of
`--sizes` is the base as it is, `all` are all lines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import RESULTS, append_csv, versions

from netchu.data.lines import Sample, read_lines, write_lines
from netchu.metrics import score

SHOWN = ("start", "real", "lines", "cer", "cer_low", "cer_high", "wer", "processor_seconds")


def chosen(sets: list[Path], size: int, work: Path) -> tuple[Path, int]:
    """A native set of the first `size` train lines by hash (0: all) and all validation lines; and how many of them."""
    train: list[tuple[bytes, Sample]] = []
    val: list[Sample] = []
    for path in sets:
        found = read_lines(path)
        for sample in found.part("train").samples:
            key = f"{path.name}/{found.name(sample)}"
            train.append((hashlib.sha256(key.encode()).digest(), sample))
        val += found.part("val").samples
    lines = [sample for _, sample in sorted(train, key=lambda each: each[0])]
    lines = lines[:size] if size else lines
    folder = work / f"lines-{len(lines)}"
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder, [*lines, *val])
    return folder, len(lines)


def command(*words: object) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "netchu", *(str(word) for word in words)]


def taught(start: str, folder: Path, size: int, args: argparse.Namespace) -> tuple[Path, float]:
    """Train on a set; the model, and the seconds of processor time that it took."""
    model = folder.with_name(f"{start}-{size}.onnx")
    epochs = max(1, min(args.passes, args.most * size) // size)
    options: dict[str, object] = {"epochs": epochs, "evaluate_every": epochs, "threads": 1, "check": "false"}
    if start == "shipped":
        options |= {"learning_rate": 0.0005 if size < 300 else 0.001, "freeze": 3 if size < 100 else 0}
    else:
        options |= {"architecture": args.architecture}
    settings = [word for name, value in options.items() for word in ("-s", f"{name}={_toml(value)}")]
    base = ["-m", args.base] if start == "shipped" else []
    before = _children()
    if not model.exists():
        subprocess.run(command("train", folder, "-o", model, *base, *settings), check=True)
    return model, _children() - before


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) and value not in ("true", "false") else str(value)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scored(model: object, folder: Path) -> dict[str, object]:
    found = json.loads(
        subprocess.run(
            command("eval", folder, "-m", model, "--split", "val", "--decoder", "greedy", "--json"),
            check=True, capture_output=True,
        ).stdout
    )  # fmt: skip
    low, high = found["cer_ci95"]
    return {"lines": found["lines"], "cer": found["cer"], "cer_low": low, "cer_high": high, "wer": found["wer"]}


def kraken(folder: Path, seconds: float, peer: Path) -> dict[str, object]:
    """Train kraken for so much processor time, and read with the last model that it saved."""
    found = read_lines(folder)
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        names: dict[str, list[Path]] = {"train": [], "val": []}
        for split, links in names.items():
            for k, sample in enumerate(found.part(split).samples):
                link = here / f"{split}-{k:04d}{sample.image.suffix}"
                link.symlink_to(sample.image.resolve())
                link.with_suffix(".gt.txt").write_text(sample.text, encoding="utf-8")
                links.append(link)
        few = here / "few.txt"
        few.write_text("\n".join(map(str, names["val"][:8])) + "\n", encoding="utf-8")
        train = [peer / "ketos", "--threads", "1", "--workers", "0", "train", "-f", "path", "-B", "16", "-q", "fixed",
                 "-N", "100000", "-o", here / "model", "-e", few, *names["train"]]  # fmt: skip
        limit = round(seconds)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(
            [str(word) for word in train], env=environment, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        )  # fmt: skip
        texts = [""] * len(names["val"])
        if saved := list((here / "model").glob("*.ckpt")):
            last, model = max(saved, key=lambda path: path.stat().st_mtime), here / "read.safetensors"
            pairs = [word for link in names["val"] for word in ("-i", link, link.with_suffix(".read.txt"))]
            for words in (
                [peer / "ketos", "convert", "-o", model, last],
                [peer / "kraken", *pairs, "ocr", "-s", "-m", model],
            ):
                if subprocess.run([str(word) for word in words], env=environment, check=False).returncode:
                    sys.exit(f"{words[0]} failed")
            texts = [link.with_suffix(".read.txt").read_text(encoding="utf-8").strip() for link in names["val"]]
    rates = score([sample.text for sample in found.part("val").samples], texts)
    low, high = rates.cer_ci95
    return {"lines": len(texts), "cer": rates.cer, "cer_low": low, "cer_high": high, "wer": rates.wer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", default="vi")
    parser.add_argument("--architecture", default="base")
    parser.add_argument("--starts", nargs="+", choices=["shipped", "scratch", "kraken"], default=["shipped", "scratch"])
    parser.add_argument("--sizes", nargs="+", default=["0", "50", "100", "300", "1000", "all"])
    parser.add_argument("--passes", type=int, default=12_000, help="line passes of each training")
    parser.add_argument("--most", type=int, default=60, help="but each line no more often than that")
    parser.add_argument("--peer", type=Path, default=Path(".peers/kraken/bin"), help="folder of ketos and kraken")
    parser.add_argument("--seconds", type=float, default=480, help="processor time of kraken's training")
    args = parser.parse_args()
    for wanted in args.sizes:
        folder, size = chosen(args.data, 0 if wanted == "all" else max(1, int(wanted)), args.work)
        for start in args.starts if wanted != "0" else ["shipped"]:
            seconds = 0.0
            if wanted == "0":
                rates, size = scored(args.base, folder), 0
            elif start == "kraken":
                rates, seconds = kraken(folder, args.seconds, args.peer), args.seconds
            else:
                model, seconds = taught(start, folder, size, args)
                rates = scored(model, folder)
            row = {"start": args.base if start == "shipped" else start, "real": size,
                   "passes": "" if start == "kraken" or wanted == "0" else min(args.passes, args.most * size), **rates,
                   "processor_seconds": round(seconds), "versions": versions("netchu", "torch")}  # fmt: skip
            print("  ".join(f"{row[name]:.4f}" if isinstance(row[name], float) else str(row[name]) for name in SHOWN))
            append_csv(RESULTS / "data_efficiency.csv", [row])


if __name__ == "__main__":
    main()
