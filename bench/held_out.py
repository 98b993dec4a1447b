"""How a model that was trained on drawn lines reads styles that it was not trained on.

    python bench/held_out.py --recipe ja -m ja --fonts FONTS --text ../shared/data/text --strokes ../shared/data/strokes

Lines of the recipe's held-out fonts, and of pen strokes in manners of writing that no training line has (their
skeletons do occur in training), with a seed that neither training nor picking the epoch used. Texts are drawn from the
same sources as in training: this measures new styles, not new texts. A row a style, one a direction, one for all.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

from harness import RESULTS, append_csv, versions

import netchu
from netchu.metrics import score
from netchu.synth.drawer import DrawSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--fonts", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--strokes", default="")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--decoder", default="greedy", help="texts are drawn from what the language models know")
    args = parser.parse_args()
    reader = netchu.load(args.model, decoder=args.decoder)
    drawer = DrawSpec(args.recipe, args.fonts, args.text, args.strokes, seed=args.seed, held_out=True).open()
    drawn = [drawer.sample(k) for k in range(args.n)]
    read = [line.text for line in reader.read_lines([each.picture for each in drawn], boxes=False)]
    groups: dict[str, list[int]] = defaultdict(list)
    for k, each in enumerate(drawn):
        groups["all"].append(k)
        groups["vertical" if each.vertical else "horizontal"].append(k)
        groups[each.style.split("/")[0]].append(k)
    rows = []
    for name, members in groups.items():
        found = score([drawn[k].text for k in members], [read[k] for k in members])
        rows.append({
            "recipe": args.recipe, "model": args.model, "seed": args.seed, "style": name, "lines": len(members),
            "cer": round(found.cer, 4), "cer_low": round(found.cer_ci95[0], 4),
            "cer_high": round(found.cer_ci95[1], 4), "ser": round(found.ser, 4), "versions": versions("netchu"),
        })  # fmt: skip
        print(f"{name:28} {len(members):5}  CER {100 * found.cer:5.2f}  lines wrong {100 * found.ser:.1f} %")
    append_csv(RESULTS / "held_out.csv", rows)


if __name__ == "__main__":
    main()
