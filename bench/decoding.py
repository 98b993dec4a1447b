"""Decoding speed against pyctcdecode with KenLM, and against plain Python, on the same logits in one run.

    python bench/decoding.py --data ../shared/data/vi/cinnamon --model vi --lines 40 --rounds 5 \
        --peer-python .peers/pyctcdecode/bin/python

Logits are the model's for a fixed sample of val lines, at its temperature, cast once and read by all from one file.
Language models are made of the set's train transcripts: one of words (`--word-order`), which pyctcdecode gets as ARPA
with the same vocabulary, and one of characters. Width, threshold and the least log-probability of a class are the same
for all.
All sit on one core with one thread; making decoders and a first pass are not timed. Milliseconds are of processor
time. Searches give texts and scores, as the peer does; `whole` are calls that give all that a reading has: places,
confidences and alternatives too. CER and WER are those of the lines decoded, with weights that nobody tuned: that all
do the same work can be seen from them, not how good they are. pyctcdecode lives in an environment of its own:
bench/peers/pyctcdecode_lines.py says how to make it.

Word beam search and token passing have no package to hold ours against: bench/peers/word_beam_python.py has both, from
the papers, in plain Python. They and ours read the first `--plain-lines` lines, with the same closed lexicon (token
passing: `--few` words of it), bigrams and limits. `network` is what the model itself takes; of that, greedy is a share.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and its kin are loaded, here and in the workers

from harness import RESULTS, Requests, Worker, append_csv, busy_cores, ratio_by_round, read_rows, versions

OURS, PEER, PLAIN = "netchu", "pyctcdecode", "plain Python"
PLAIN_MODES = ("word beam, words", "word beam, ngrams", "token passing")  # of OURS and PLAIN, on a few lines
# what of ours is held against what of the others': the same kind of work, or more
AGAINST = {
    "beam": (PEER, "beam"),
    **dict.fromkeys(("chars", "words", "forecast", "chars and words"), (PEER, "words")),
    **{mode: (PLAIN, mode) for mode in PLAIN_MODES},
}
NETWORK = "network"
WHOLE = ", whole"  # with what a reading has besides its text: places, confidences, alternatives
QUIET = 0.2


def open_decoders(setup: dict[str, Any]) -> dict[str, Any]:
    """Every way of decoding that is timed, by name."""
    from netchu.decode.automaton import trie
    from netchu.decode.ctc import greedy
    from netchu.decode.search import Beam
    from netchu.decode.tokens import TokenPassing
    from netchu.lm import load
    from netchu.text import Charset

    charset = Charset(tuple(setup["symbols"]))
    limits = {name: setup[name] for name in ("width", "threshold", "least")}
    chars, words = load(setup["char_lm"]), load(setup["word_lm"])
    known = {"lexicon": words.vocabulary, "word_lm": words, "penalty": 5.0, "word_beta": 1.5}
    closed = {"lexicon": setup["closed"], "word_beta": 1.5}
    lines = [charset.encode(text) for text in setup["texts"]]  # a grammar of whole lines; some line always fits
    return {
        "greedy": greedy,
        "beam": Beam(charset, **limits),
        "chars": Beam(charset, lm=chars, beta=1.0, **limits),
        "lexicon": Beam(charset, lexicon=words.vocabulary, **limits),
        "words": Beam(charset, mode="ngrams", **known, **limits),
        "forecast": Beam(charset, mode="forecast", **known, **limits),
        "sample": Beam(charset, mode="sample", **known, **limits),
        "chars and words": Beam(charset, lm=chars, beta=1.0, **known, **limits),
        "grammar": Beam(charset, grammar=trie(lines), **limits),
        "chars, width 32": Beam(charset, lm=chars, beta=1.0),
        PLAIN_MODES[0]: Beam(charset, **closed, **limits),
        PLAIN_MODES[1]: Beam(charset, **closed, word_lm=words, mode="ngrams", **limits),
        PLAIN_MODES[2]: TokenPassing(charset, setup["closed"][: setup["few"]]),
    }


def work() -> None:
    """The worker: opens its decoders once, and decodes all lines with one of them on request."""
    from netchu.decode.search import Beam

    requests = Requests()
    setup = requests.receive() or sys.exit()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    import numpy as np

    from netchu.image import pad_batch
    from netchu.session import Session

    with np.load(setup["logits"]) as saved:
        lines = [np.ascontiguousarray(saved[f"line{index}"]) for index in range(setup["lines"])]
        pictures = [pad_batch([picture], picture.shape[1]) for picture in (saved[f"ink{k}"] for k in range(len(lines)))]
    session = Session(setup["model"])
    decoders = open_decoders(setup)
    for decoder in decoders.values():
        decoder(lines[0], len(lines[0]))
    session.run(*pictures[0])
    modes = [NETWORK, *decoders, "beam" + WHOLE, "chars" + WHOLE, "chars, width 32" + WHOLE]
    requests.send(versions=versions("netchu", "numba", "numpy"), modes=modes)
    while request := requests.receive():
        if request["mode"] == NETWORK:
            start = time.process_time()
            for picture in pictures:
                session.run(*picture)
            requests.send(cpu=time.process_time() - start, texts=[])
            continue
        decoder = decoders[request["mode"].removesuffix(WHOLE)]
        whole = request["mode"].endswith(WHOLE) or not isinstance(decoder, Beam)
        search = decoder if whole else decoder.search
        passes = 10 if request["mode"] == "greedy" else 1  # it is done too soon to be timed
        start = time.process_time()
        for _ in range(passes):
            found = [search(line, len(line)) for line in lines[: request["lines"]]]
        cpu = (time.process_time() - start) / passes
        best = [each[0] if isinstance(each, list) else each for each in found]
        requests.send(cpu=cpu, texts=["".join(setup["symbols"][c] for c in reading.classes) for reading in best])


def prepare(args: Any, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Logits of the sample and language models of the train transcripts -> what workers are told; the true texts."""
    import numpy as np

    from netchu.decode.layers import GAP
    from netchu.decode.lexicon import make_lexicon
    from netchu.framing import frame
    from netchu.image import open_grey, pad_batch, to_height
    from netchu.lm import save
    from netchu.lm.arpa import write_arpa
    from netchu.lm.sources import Source
    from netchu.lm.train import Options, train
    from netchu.read import load
    from netchu.text import canonical

    reader = load(args.model)
    rows = read_rows(args.data, "val", args.lines)
    logits = {}
    for index, row in enumerate(rows):
        grey = frame(open_grey(row.image, str(row.image))).picture
        line = to_height(grey, reader.info.height, grey.shape[1] * reader.info.height / grey.shape[0])
        found, lengths = reader.session.run(*pad_batch([line], line.shape[1]))
        logits[f"line{index}"] = found[0, : int(lengths[0])] / np.float32(reader.info.temperature)
        logits[f"ink{index}"] = line
    np.savez(folder / "logits.npz", **logits)
    charset = reader.info.charset
    texts = [text for text in (canonical(row.text) for row in read_rows(args.data, "train")) if text]
    writable = [text for text in texts if not charset.missing(text)]
    source = Source("train", tuple(texts))
    chars = train([source], Options(unit="char", order=args.char_order))
    words = train([source], Options(unit="word", order=args.word_order))
    save(chars, folder / "chars.lm")
    save(words, folder / "words.lm")
    write_arpa(words, folder / "words.arpa")
    lexicon = make_lexicon(words.vocabulary, charset)
    setup = {
        "model": reader.session.path,
        "closed": list(lexicon.words),
        "spelt": [charset.encode(word) for word in lexicon.words],
        "gaps": [label for label in range(1, len(charset)) if lexicon.kinds[label] == GAP],
        "few": args.few,
        "word_alpha": 0.5,
        "word_beta": 1.5,
        "logits": str(folder / "logits.npz"),
        "lines": len(rows),
        "symbols": list(charset.symbols),
        "char_lm": str(folder / "chars.lm"),
        "word_lm": str(folder / "words.lm"),
        "arpa": str(folder / "words.arpa"),
        "words": list(words.vocabulary),
        "texts": writable,
        "width": args.width,
        "threshold": args.threshold,
        "least": args.least,
        "core": args.core,
    }
    return setup, [canonical(row.text) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of lines")
    parser.add_argument("--model", default="vi")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plain-lines", type=int, default=5, help="lines that plain Python reads")
    parser.add_argument("--few", type=int, default=300, help="words of token passing")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--threshold", type=float, default=10.0, help="nats; 10 is pyctcdecode's")
    parser.add_argument("--least", type=float, default=-5.0, help="nats; -5 is pyctcdecode's")
    parser.add_argument("--char-order", type=int, default=6)
    parser.add_argument("--word-order", type=int, default=2)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--peer-python", type=Path, default=Path(".peers/pyctcdecode/bin/python"))
    parser.add_argument("--out", type=Path, default=RESULTS / "decoding.csv")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work()
    if not args.data:
        parser.error("--data is needed")

    with tempfile.TemporaryDirectory() as folder:
        setup, truth = prepare(args, Path(folder))
        peers = Path(__file__).parent / "peers"
        workers = {
            OURS: Worker([sys.executable, __file__, "--worker"], threads=1),
            PEER: Worker([args.peer_python, peers / "pyctcdecode_lines.py"], threads=1),
            PLAIN: Worker([sys.executable, peers / "word_beam_python.py"], threads=1),
        }
        about = {system: worker.ask(**setup) for system, worker in workers.items()}
        runs = [(OURS, mode) for mode in about[OURS]["modes"]] + [(PEER, mode) for mode in ("beam", "words")]
        runs += [(PLAIN, mode) for mode in PLAIN_MODES]
        seconds: dict[tuple[str, str], list[float]] = {run: [] for run in runs}
        texts: dict[tuple[str, str], list[str]] = {}
        others = 0.0
        for number in range(args.rounds):
            others = max(others, busy_cores(0.5))
            for system, mode in random.Random(number).sample(runs, len(runs)):
                reply = workers[system].ask(mode=mode, lines=args.plain_lines if mode in PLAIN_MODES else args.lines)
                seconds[system, mode].append(reply["cpu"])
                texts[system, mode] = reply["texts"]
            print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
        for worker in workers.values():
            worker.close()
    report(args, seconds, texts, truth, {system: reply["versions"] for system, reply in about.items()}, others)


def report(
    args: Any,
    seconds: dict[tuple[str, str], list[float]],
    texts: dict[tuple[str, str], list[str]],
    truth: list[str],
    about: dict[str, str],
    others: float,
) -> None:
    """Print the table and append the rows."""
    from netchu.metrics import score

    print(f"{len(truth)} lines, model {args.model}, width {args.width}, {args.rounds} rounds, one core")
    if others > QUIET:
        print(f"warning: other programs kept up to {others:.1f} cores busy; milliseconds are not to be quoted")
    print(f"{'system':14}{'mode':24}{'ms/line':>9}{'CER':>8}{'WER':>8}   times as fast as")
    records = []
    for (system, mode), values in seconds.items():
        count = min(args.plain_lines, len(truth)) if mode in PLAIN_MODES else len(truth)
        line = 1000 * statistics.median(values) / count
        if mode == NETWORK:
            print(f"{system:14}{mode:24}{line:9.2f}")
            continue
        rates = score(truth[:count], texts[system, mode])
        other = AGAINST.get(mode.removesuffix(WHOLE)) if system == OURS else None
        ratio = ratio_by_round(seconds[other], values) if other else None
        shown = (
            f"{ratio.median:6.1f} ({ratio.low:.1f} to {ratio.high:.1f}) {', '.join(other)}" if ratio and other else ""
        )
        share = ratio_by_round(values, seconds[OURS, NETWORK]).median if (system, mode) == (OURS, "greedy") else None
        shown += f"       {share:.2%} of the network's time" if share else ""
        print(f"{system:14}{mode:24}{line:9.2f}{rates.cer:8.2%}{rates.wer:8.2%}   {shown}")
        records.append(
            {
                "system": system,
                "mode": mode,
                "data": args.data.name,
                "model": args.model,
                "lines": count,
                "width": args.width,
                "threshold": args.threshold,
                "least": args.least,
                "char_order": args.char_order,
                "word_order": args.word_order,
                "rounds": args.rounds,
                "cpu_ms_per_line_median": round(line, 3),
                "cer": round(rates.cer, 5),
                "wer": round(rates.wer, 5),
                "held_against": ", ".join(other) if other else "",
                "times_as_fast_median": round(ratio.median, 2) if ratio else "",
                "times_as_fast_min": round(ratio.low, 2) if ratio else "",
                "times_as_fast_max": round(ratio.high, 2) if ratio else "",
                "share_of_network": round(share, 5) if share else "",
                "others_busy_cores": round(others, 2),
                "versions": about[system],
            }
        )
    append_csv(args.out, records)


if __name__ == "__main__":
    main()
