"""A copy of line sets without their val and test parts; a tenth of the train part becomes the val part to choose by.

    python recipes/train_part.py sets ../shared/data/captcha/captcha_images_v2 ../shared/data/scene/icdar2015_words ...

So no choice that a training makes (which epoch, which options) has seen the lines that its figures are measured on.
Pictures are linked to.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from netchu.data.lines import read_lines, write_lines
from netchu.data.split import split_lines


def main(target: str, *sources: str) -> None:
    for source in map(Path, sources):
        whole = read_lines(source)
        train = replace(whole, samples=tuple(sample for sample in whole.samples if sample.split == "train"))
        divided = split_lines(train, by="group", group_regex="(.*)")
        folder = Path(target) / source.name
        folder.mkdir(parents=True, exist_ok=True)
        for below in source.iterdir():
            if below.is_dir() and not (folder / below.name).exists():
                (folder / below.name).symlink_to(below.resolve())
        home = folder.absolute()
        write_lines(folder, [replace(each, image=home / each.image.relative_to(source)) for each in divided.samples])
        held = sum(sample.split == "val" for sample in divided.samples)
        print(f"{folder}: {len(divided.samples) - held} lines to train on, {held} to choose by")


if __name__ == "__main__":
    main(*sys.argv[1:])
