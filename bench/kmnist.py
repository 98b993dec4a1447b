"""What the Japanese model makes of cursive kana of old books: read as it is, and after a few examples of each.

    python bench/kmnist.py --data ../shared/data/kmnist10k/images.npz --work WORK --examples 0 10 100

The pictures are 8,008 of the official KMNIST test file, so this is NOT the published protocol. They are split by hash
of their pixels into fifths: four to take examples from, one to score. Each row tells how many examples of each of the
ten kana the model was trained on (0: drawn lines alone), the share read exactly, and the share right when the reading
may be one of the ten kana only. The nearest neighbour by pixels, on the same examples, is there to compare with.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import cv2
import numpy as np
from harness import RESULTS, append_csv, versions
from numpy.typing import NDArray

import netchu
from netchu.data.lines import Sample, write_lines
from netchu.image import pad_batch
from netchu.read import batches, stepped, to_line
from netchu.train.config import configure
from netchu.train.examples import Source
from netchu.train.run import train

Pictures = NDArray[np.uint8]
OPTIONS = {"evaluate_every": 1000, "check": False, "epoch_lines": 0}


def split(pictures: Pictures) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to take examples from, in an order that only the pixels decide, and indices to score."""
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
    order = sorted(range(len(pictures)), key=lambda k: digests[k])
    scored = np.array([k for k in order if digests[k][-1] % 5 == 0])
    return np.array([k for k in order if digests[k][-1] % 5]), scored


def first_of_each(indices: NDArray[np.int64], labels: NDArray[np.str_], count: int) -> NDArray[np.int64]:
    """The first `count` indices of each label."""
    found = [indices[labels[indices] == label][:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(found))


def nearest(pictures: Pictures, labels: NDArray[np.str_], known: NDArray[np.int64], asked: NDArray[np.int64]) -> float:
    """Share right when each picture gets the label of the example whose pixels are most like its own."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    best = (flat[asked] @ flat[known].T).argmax(axis=1)
    return float((labels[known][best] == labels[asked]).mean())


def score(model: str, pictures: Pictures, labels: NDArray[np.str_]) -> tuple[float, float]:
    """(share read exactly, share right among the kana there are)."""
    reader = netchu.load(model)
    charset, kana = reader.info.charset, np.unique(labels)
    classes = np.array([charset.encode(char)[0] for char in kana])
    lines = [to_line(picture, reader.info.height, reader.info.pitch) for picture in pictures]
    exact = among = 0
    for batch in batches([line.shape[1] for line in lines]):
        images, widths = pad_batch([lines[k] for k in batch], stepped(lines[batch[-1]].shape[1]))
        logits, lengths = reader.session.run(images, widths)
        for k, frames, length in zip(batch, logits, lengths):
            exact += charset.decode(reader.decoder(frames, int(length)).classes) == labels[k]
            among += kana[frames[:length, classes].max(axis=0).argmax()] == labels[k]
    return exact / len(labels), among / len(labels)


def write_set(folder: Path, pictures: Pictures, labels: NDArray[np.str_], indices: NDArray[np.int64]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for k in indices.tolist():
        path = folder / f"{k}.png"
        cv2.imwrite(str(path), pictures[k])
        samples.append(Sample(path, str(labels[k]), "train"))
    write_lines(folder, samples)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="images.npz")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("-m", "--model", default="ja")
    parser.add_argument("--base", default="ja", help="what examples are taught to")
    parser.add_argument("--examples", type=int, nargs="+", default=[0, 10, 100])
    parser.add_argument("--passes", type=int, default=20_000)
    args = parser.parse_args()
    with np.load(args.data) as data:
        pictures, labels = data["images"], data["labels"]
    given, asked = split(pictures)
    for count in args.examples:
        row = {"model": args.model, "examples": count, "pictures": len(asked), "passes": 0, "neighbour": ""}
        model = args.model
        if count:
            known = first_of_each(given, labels, count)
            folder = write_set(args.work / f"kmnist-{count}", pictures, labels, known)
            epochs = max(1, args.passes // len(known))
            output = args.work / f"kmnist-{count}.onnx"
            train([Source(folder, 1.0)], output, configure({**OPTIONS, "epochs": epochs}), args.base)
            model = str(output)
            row |= {"model": f"{args.base}+{len(known)}", "passes": epochs * len(known),
                    "neighbour": round(nearest(pictures, labels, known, asked), 4)}  # fmt: skip
        exact, among = score(model, pictures[asked], labels[asked])
        row |= {"exact": round(exact, 4), "among_ten": round(among, 4), "versions": versions("netchu", "torch")}
        append_csv(RESULTS / "kmnist.csv", [row])


if __name__ == "__main__":
    main()
