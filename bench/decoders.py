"""What every decoder makes of the same logits: error rates and milliseconds a line, beside the network's own time.

    python bench/decoders.py ../shared/data/vi/cinnamon ../shared/data/vi/kalapa:caseless-nopunct -m vi \
        --decoder text --decoder beam:lm=vi,alpha=0.5 --decoder tokens:lexicon=words.txt

Data sets are PATH[:NORMALISER], of which the part --split is read, or all of a set that has none. A decoder is NAME,
then settings after a colon: those of `netchu read -D`, and lm, word_lm, lexicon, grammar. The network reads every line
once, one thread; then each decoder reads all the logits, one line at a time, in one thread. Errors are counted against
greedy's on the same lines; intervals are bootstrapped over lines.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import RESULTS, append_csv, versions

import netchu
from netchu.compose import compose
from netchu.data.lines import read_lines
from netchu.decode.choose import Wish, choose
from netchu.framing import frame
from netchu.image import open_grey, pad_batch
from netchu.metrics import Scores, score
from netchu.read import Reader, batches, stepped, to_line
from netchu.settings import parse_setting

FILES = ("lm", "word_lm", "lexicon", "grammar")


def parse(spec: str) -> Wish:
    """NAME:key=value,key=value -> what is asked for."""
    name, _, rest = spec.partition(":")
    settings = dict(parse_setting(each) for each in rest.split(",") if each)
    files = {key: str(settings.pop(key)) for key in FILES if key in settings}
    return Wish(name, **files, settings=tuple(settings.items()))


def run_network(reader: Reader, pictures: list[Any]) -> tuple[list[Any], float]:
    """Logits of each line and seconds a line, by batches as netchu reads them."""
    lines = [to_line(picture, reader.info.height, reader.info.pitch) for picture in pictures]
    found: list[Any] = [None] * len(lines)
    started = time.perf_counter()
    for batch in batches([line.shape[1] for line in lines]):
        images, widths = pad_batch([lines[k] for k in batch], stepped(lines[batch[-1]].shape[1]))
        logits, lengths = reader.session.run(images, widths)
        for k, frames, length in zip(batch, logits, lengths):
            found[k] = frames[:length].copy()
    return found, (time.perf_counter() - started) / len(lines)


def measure(data: Path, normaliser: str, reader: Reader, args: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each decoder on one data set."""
    found = read_lines(data)
    samples = (found.part(args.split) if "split" in found.columns else found).samples
    pictures = [frame(open_grey(sample.image), reader.info.vertical).picture for sample in samples]
    logits, network = run_network(reader, pictures)
    print(f"{data.name}: {len(samples)} lines, network {1000 * network:.2f} ms a line", file=sys.stderr)
    texts = [sample.text for sample in samples]
    plain: Scores | None = None
    rows = []
    for spec in ["greedy", *(each for each in args.decoder if each != "greedy")]:
        decoder = choose(parse(spec), reader.info, Path(reader.session.path).parent).decoder
        decoder(logits[0], len(logits[0]))  # what is compiled or opened at the first call
        taken, readings = [], []
        for frames in logits:
            started = time.perf_counter()
            readings.append(decoder(frames, len(frames), reader.info.temperature))
            taken.append(time.perf_counter() - started)
        paper = np.zeros((48, 100), np.uint8)
        read = [compose(each, reader.info.charset, paper, 1.0, boxes=False).text for each in readings]
        scores = score(texts, read, normaliser=normaliser)
        plain = plain or scores
        rows.append({
            "model": args.model, "set": data.name, "lines": len(texts), "normaliser": normaliser,
            "decoder": spec, "cer": round(scores.cer, 5), "cer_low": round(scores.cer_ci95[0], 5),
            "cer_high": round(scores.cer_ci95[1], 5), "wer": round(scores.wer, 5),
            "wer_low": round(scores.wer_ci95[0], 5), "wer_high": round(scores.wer_ci95[1], 5),
            "ser": round(scores.ser, 5), "cer_of_greedy": round(scores.cer / max(plain.cer, 1e-9), 3),
            "wer_of_greedy": round(scores.wer / max(plain.wer, 1e-9), 3),
            "ms_median": round(1000 * float(np.median(taken)), 3),
            "share_of_network": round(float(np.mean(taken)) / network, 4), "versions": versions("netchu", "numba"),
        })  # fmt: skip
        rates = f"CER {100 * scores.cer:.2f} WER {100 * scores.wer:.2f}"
        print(f"  {spec}: {rates}, {rows[-1]['ms_median']} ms", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="PATH[:NORMALISER]")
    parser.add_argument("--split", default="val")
    parser.add_argument("-m", "--model", default="vi")
    parser.add_argument("--decoder", action="append", default=[], help="NAME[:key=value,...]; repeatable")
    parser.add_argument("--out", type=Path, default=RESULTS / "decoders.csv")
    args = parser.parse_args()
    reader = netchu.load(args.model, decoder="greedy")
    for each in args.data:
        path, colon, normaliser = each.rpartition(":")
        if not colon or Path(each).exists():
            path, normaliser = each, "nfc"
        append_csv(args.out, measure(Path(path), normaliser, reader, args))


if __name__ == "__main__":
    main()
