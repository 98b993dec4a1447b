"""The language models of ja and zh: ja.lm and zh.lm, of characters.

    python recipes/cjk-lm.py ../shared/data/text -o netchu/weights --held held

Of all prose every 20th block of 100 lines is left out, and written with everything else that drawing needs to
held/ja and held/zh: text to measure with. Names, addresses, figures and forms are drawn. Half a minute.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
from dataclasses import replace
from pathlib import Path

from netchu.lm.file import save
from netchu.lm.sources import read_sources
from netchu.lm.train import Options, train
from netchu.synth.texts.files import read_text

BLOCK, EVERY = 100, 20  # lines in a block; of so many blocks one is left out
PROSE = {
    "ja": {"prose": "ja_aozora.txt.gz", "talk": "ja_tanaka.txt.gz"},
    "zh": {"prose": "zh_cmrc_wiki.txt.gz", "talk": "zh_tatoeba.txt.gz"},
}
FORMS = "person+address+figures+form"
TERMS = {
    "ja": "Aozora Bunko, public domain in Japan; Tanaka corpus, CC BY 2.0 FR; names and figures, drawn",
    "zh": "Wikipedia as in CMRC 2018, CC BY-SA 4.0; Tatoeba, CC BY 2.0 FR; names and figures, drawn",
}
OPTIONS = Options(unit="char", order=5, size=4.0, weights={"prose": 0.5, "talk": 0.25, "forms": 0.25})


def part(folder: Path, language: str, out: Path, held: bool) -> None:
    """A copy of the folder of texts with the prose that is left out, or with all but that."""
    out.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in PROSE[language].values():
            shutil.copyfile(path, out / path.name)
            continue
        lines = [line for line in read_text(path).split("\n") if line]
        kept = [line for k, line in enumerate(lines) if (k // BLOCK % EVERY == EVERY - 1) is held]
        with gzip.GzipFile(out / path.name, "wb", mtime=0) as file:
            file.write(("\n".join(kept) + "\n").encode("utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="folder of word lists and running text")
    parser.add_argument("-o", "--output", type=Path, default=Path())
    parser.add_argument("--held", type=Path, required=True, help="folder for the text that is left out")
    parser.add_argument("--without", type=Path, action="append", default=[], help="data set; repeatable")
    args = parser.parse_args()
    for language, files in PROSE.items():
        part(args.text, language, args.held / language, held=True)
        kept = args.held / f"{language}-kept"
        part(args.text, language, kept, held=False)
        specs = [f"{name}={kept / file}" for name, file in files.items()]
        sources = read_sources([*specs, f"forms=draw:{language}:{FORMS}:40000"], texts=kept, without=args.without)
        shutil.rmtree(kept)
        save(
            train(sources, replace(OPTIONS, name=language, terms=TERMS[language]), print),
            args.output / f"{language}.lm",
        )


if __name__ == "__main__":
    main()
