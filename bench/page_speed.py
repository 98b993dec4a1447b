"""Seconds and memory for a page from its file to its text, on two cores: ours and the programs in use, interleaved.

    python bench/page_speed.py --data pages --peers .peers/{} --rounds 5

Pages of the val part with 25 to 35 lines. Every round goes through all programs, page by page, each in a process of its
own that sleeps meanwhile; a program's time is its median over the pages of a round, ratios are by round. kraken only
finds the lines here, the others read them, too. Memory is the process's largest resident set. Appended to
results/page_speed.csv.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, Requests, Worker, append_csv, busy_cores, peak_memory, ratio_by_round, versions

LINES = range(25, 36)


def work(model: str) -> None:
    """A worker: reads the pages it is asked for."""
    requests = Requests()
    name, _, decoder = model.partition("=")
    import netchu

    reader = netchu.load(name, threads=int(os.environ["OMP_NUM_THREADS"]), decoder=decoder)
    requests.receive()
    requests.send(version=versions("netchu", "onnxruntime"))
    while request := requests.receive():
        start = time.perf_counter()
        page = reader.read(request["image"], page=True, boxes=False)
        requests.send(seconds=time.perf_counter() - start, lines=len(page.lines), memory=peak_memory())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peers", default=".peers/{}")
    parser.add_argument("--peer", action="append", choices=("rapidocr-read", "kraken", "tesseract"), default=[])
    parser.add_argument("--models", nargs="+", default=["vi", "vi=greedy", "vi-tiny"], help="NAME or NAME=DECODER")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS / "page_speed.csv")
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return
    from page_peers import LANGUAGES, PEERS

    from netchu.data.page_sources import split_pages
    from netchu.data.pages import read_pages

    samples = [each for each in split_pages(read_pages(options.data)).part("val").samples
               if len(each.page.lines) in LINES][: options.pages]  # fmt: skip
    workers = {}
    for model in options.models:
        workers[model] = Worker([sys.executable, __file__, "--work", model], options.threads)
    for name in options.peer or ("rapidocr-read", "kraken"):
        peer = PEERS[name]
        python = Path(options.peers.format(peer.environment)) / "bin" / "python" if peer.environment else sys.executable
        script = Path(__file__).parent / "peers" / peer.script
        workers[name] = Worker([python, script, *peer.arguments], options.threads)
    about = {name: worker.ask()["version"] for name, worker in workers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    memory: dict[str, float] = {}
    others = busy_cores(2)
    for turn in range(options.rounds + 1):  # the first one warms up
        taken: dict[str, list[float]] = {name: [] for name in workers}
        for sample in samples:
            for name, worker in workers.items():
                reply = worker.ask(image=str(sample.image), language=LANGUAGES.get(sample.source, "fra"))
                taken[name].append(reply["seconds"])
                memory[name] = reply["memory"]
        if turn:
            for name, each in taken.items():
                seconds[name].append(statistics.median(each))
            print(turn, *(f"{name} {each[-1]:.3f}" for name, each in seconds.items()), file=sys.stderr)
    for worker in workers.values():
        worker.close()
    rows = []
    for name in workers:
        row: dict[str, object] = {"program": name, "version": about[name], "threads": options.threads}
        row |= {"pages": len(samples), "rounds": options.rounds, "cores_busy_before": round(others, 2)}
        row |= {"median_seconds": round(statistics.median(seconds[name]), 3), "peak_mb": round(memory[name])}
        for model in options.models:
            ratio = ratio_by_round(seconds[name], seconds[model])
            row[f"times_{model}"] = f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        rows.append(row)
        print(*row.values())
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
