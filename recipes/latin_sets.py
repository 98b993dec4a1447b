"""Copies of the Latin line sets in which no line of a val page is trained on: such lines move to the split test.

    python recipes/latin_sets.py ../shared/data/latin ../shared/data/pages sets

Pages and lines are cut from the same documents, but their splits are not the same: without this a model would have seen
lines of the very pages that reading is measured on. Lines are told by their source and text. Pictures are linked to.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from netchu.data.page_sources import split_pages
from netchu.data.pages import read_pages


def main(lines: Path, pages: Path, target: Path) -> None:
    on_pages: dict[str, set[str]] = {}
    for sample in split_pages(read_pages(pages)).part("val").samples:
        on_pages.setdefault(sample.source, set()).update(line.text for line in sample.page.lines)
    for folder in sorted(each for each in lines.iterdir() if (each / "lines.tsv").exists()):
        head, *rows = ((folder / "lines.tsv").read_text(encoding="utf-8")).splitlines()
        text, split = (head.split("\t").index(name) for name in ("text", "split"))
        kept, moved = [head], 0
        for row in rows:
            cells = row.split("\t")
            if cells[split] == "train" and cells[text] in on_pages.get(folder.name, ()):
                cells[split], moved = "test", moved + 1
            kept.append("\t".join(cells))
        out = target / folder.name
        out.mkdir(parents=True, exist_ok=True)
        (out / "lines.tsv").write_text("\n".join(kept) + "\n", encoding="utf-8", newline="\n")
        for below in folder.iterdir():
            if below.is_dir() and not (out / below.name).exists():
                (out / below.name).symlink_to(below.resolve())
        print(f"{folder.name}: {len(rows)} lines, {moved} of them on val pages")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
