"""The language models of latin: latin.lm of characters and latin-words.lm of words, of five languages.

    python recipes/latin-lm.py ../shared/data/text sets -o netchu/weights      # sets: see latin_sets.py

Of the line sets the transcripts of train lines are in them, which CC BY 4.0 allows; val and test transcripts are left
out wherever they may stand. Shares and sizes were thought out, not fitted. Three minutes, 3 GB.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from netchu.lm.file import save
from netchu.lm.sources import read_sources
from netchu.lm.train import Options, train

FRENCH_HANDS = ("cremma_mss19", "cremma_mss20", "testament_de_poilus", "peraire")
SOURCES = {
    "fr": ("fr_literature.txt.gz",), "fr today": ("copiste_d_un_jour",), "fr then": FRENCH_HANDS,
    "fr print": ("tapuscorpus", "fondue_fr_print20"), "en": ("en_literature.txt.gz", "en_tatoeba.txt.gz"),
    "en then": ("stanford_memorials", "fondue_en_print20"), "de": ("de_literature.txt.gz",),
    "it": ("it_literature.txt.gz", "fondue_it_print20"), "es": ("es_literature.txt.gz", "fondue_es_print19"),
    "figures": ("draw:figures:number+date+money+time+measure:20000",),
}  # fmt: skip
WORDS = {"fr": 0.30, "fr today": 0.14, "fr then": 0.08, "fr print": 0.06, "en": 0.16, "en then": 0.02,
         "de": 0.08, "it": 0.08, "es": 0.08}  # fmt: skip
CHARS = {**WORDS, "figures": 0.03}
MODELS = (
    Options(unit="char", order=9, size=6.0, weights=CHARS, name="latin"),
    Options(unit="word", order=3, size=3.0, weights=WORDS, least=3, name="latin-words"),
)
TERMS = (
    "ELTeC novels (fr, en, de, it, es), public domain, their edition CC BY 4.0; Tatoeba, CC BY 2.0 FR; transcripts of "
    "copiste_d_un_jour, cremma_mss19, cremma_mss20, testament_de_poilus, peraire, stanford_memorials, tapuscorpus and "
    "fondue (CREMMA, HTR-United), CC BY 4.0"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="folder of running text")
    parser.add_argument("sets", type=Path, help="folder of line sets")
    parser.add_argument("-o", "--output", type=Path, default=Path())
    args = parser.parse_args()
    specs = []
    for name, origins in SOURCES.items():
        for origin in origins:
            folder = args.sets if (args.sets / origin).is_dir() else args.text
            specs.append(f"{name}={origin if origin.startswith('draw:') else folder / origin}")
    sets = [folder for folder in sorted(args.sets.iterdir()) if (folder / "lines.tsv").exists()]
    sources = read_sources(specs, texts=args.text, without=sets)
    for options in MODELS:
        assert options.weights
        chosen = [source for source in sources if source.name in options.weights]
        save(train(chosen, replace(options, terms=TERMS), print), args.output / f"{options.name}.lm")


if __name__ == "__main__":
    main()
