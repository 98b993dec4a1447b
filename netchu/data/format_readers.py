"""Line data sets as other projects write them: how to recognise each format, and how to read it.

A reader yields a `Found` per line, a `Reject` per line it must leave out and a `Changed` per line it had to alter; it
never decides in silence. `formats.py` turns what it yields into a native set.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchu.data.lines import TABLE, Reject, looks_like_picture, read_lines, read_text_lines
from netchu.data.page_readers import PAGE_FORMATS, PageFormat
from netchu.data.sources import PICTURE_FOLDERS, SPLIT_WORDS, Changed, Found, Tree, locate, peek
from netchu.errors import NetchuError
from netchu.image import SUFFIXES, read_bytes

TEXT_KEYS = ("text", "label", "transcription", "transcript", "ground_truth", "sentence")
_IAM_ROW = re.compile(r"\S+-\d\d(-\d\d)? (ok|err) -?\d")
_JSON_HEAD = re.compile(r'\s*\{\s*"[^"]+\.[A-Za-z]{3,4}"\s*:\s*"')
_STARTS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp"}
_STARTS |= dict.fromkeys((b"II*\0", b"MM\0*"), ".tif")


@dataclass(frozen=True)
class Format:
    """A format: its name, what it looks like, the files that show it is there, and its reader."""

    name: str
    shape: str
    signs: Callable[[Tree], list[Path]]
    read: Callable[[Tree, bool], Iterator[Found | Reject]]


def _native_signs(tree: Tree) -> list[Path]:
    if tree.source.is_file():
        head = peek(tree.source).split("\n")[0].lower().split("\t")
        return [tree.source] if {"image", "text"} <= {cell.strip() for cell in head} else []
    return [file for file in tree.files if file == tree.root / TABLE]


def _read_native(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """netchu's own: its rejects and changes are passed on."""
    lines = read_lines(tree.source)
    yield from lines.rejects
    for change in lines.changes:
        yield Changed(change.where, change.reason)
    for sample in lines.samples:
        name = lines.name(sample)
        yield Found(name, sample.image, tree.name(sample.image), sample.text, sample.split, sample.writer)


def _gt_signs(tree: Tree) -> list[Path]:
    return tree.named(".gt.txt")


def _read_gt(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """ocropy, Calamari, tesstrain, kraken: `0001.png` (or .bin.png, .nrm.png) beside `0001.gt.txt`."""
    folders: dict[Path, dict[str, list[Path]]] = {}
    for file in tree.files:
        if looks_like_picture(file.name):
            stem = re.sub(r"\.(bin|nrm|raw|dew)$", "", file.stem)
            folders.setdefault(file.parent, {}).setdefault(stem, []).append(file)
    used: set[Path] = set()
    for file in tree.named(".gt.txt"):
        where = tree.short(file)
        pictures = folders.get(file.parent, {}).get(file.name[: -len(".gt.txt")], [])
        if not pictures:
            yield Reject(where, "no picture beside the text")
            continue
        best = min(pictures, key=lambda picture: (picture.stem.endswith((".bin", ".nrm")), picture.name))
        used.update(pictures)
        if len(pictures) > 1:
            yield Changed(where, f"several pictures for one text: took {best.name}")
        text = "\n".join(line for _, line in read_text_lines(file)).strip()
        yield Found(where, best, tree.name(best), text, tree.folder_split(file))
    for file in tree.files:
        if looks_like_picture(file.name) and file not in used:
            yield Reject(tree.short(file), "no .gt.txt beside the picture")


def _list_signs(tree: Tree) -> list[Path]:
    def fits(file: Path) -> bool:
        rows = [line.split("\t") for line in peek(file).split("\n")[:20] if line.strip()]
        named = [len(row) > 1 and (looks_like_picture(row[0]) or row[0].startswith('["')) for row in rows]
        return 2 * sum(named) > len(rows) and not any(row[1].startswith('[{"') for row, ok in zip(rows, named) if ok)

    lists = [f for f in tree.named(".txt", ".tsv", ".lst") if not f.name.endswith(".gt.txt") and f.name != TABLE]
    return [file for file in lists if fits(file)]


def _read_list(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """PaddleOCR, VietOCR, CRNN lists: `path<TAB>label`; paths from the list's folder or from one above."""
    files = [tree.source] if tree.source.is_file() else _list_signs(tree)
    files.sort(key=lambda file: (tree.split(file) is None, file))  # a list of everything must not swallow the splits
    for file in files:
        bases = [file.parent, *list(file.parent.parents)[:3]]
        for number, line in read_text_lines(file):
            where = tree.where(file, number)
            if not line.strip():
                continue
            first, tab, text = line.partition("\t")
            if not tab:
                yield Reject(where, "no tab between path and label")
                continue
            if "\t" in text:
                yield Reject(where, "too many fields: a label cannot hold a tab")
                continue
            for name in _names_in(first):
                image = locate(bases, name)
                if image is None:
                    yield Reject(where, f"picture missing: {name}")
                else:
                    yield Found(where, image, tree.name(image), text, tree.split(file))


def _names_in(cell: str) -> list[str]:
    """One path, or PaddleOCR's JSON list of several pictures of one text."""
    if cell.startswith("["):
        try:
            names = json.loads(cell)
        except ValueError:
            return [cell]
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
    return [cell.strip()]


def _iam_signs(tree: Tree) -> list[Path]:
    def fits(file: Path) -> bool:
        rows = [line for line in peek(file).split("\n") if line.strip() and not line.startswith("#")]
        return bool(rows) and _IAM_ROW.match(rows[0]) is not None

    return [file for file in tree.named(".txt") if not file.name.endswith(".gt.txt") and fits(file)]


def _read_iam(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """IAM's words.txt or lines.txt: text from the ninth field on, `|` for a space; writers from forms.txt beside it."""
    files = _iam_signs(tree)
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise NetchuError(f"{tree.source}: holds {names}; name the one file to import")
    if not files:
        raise NetchuError(f"{tree.source}: no words.txt or lines.txt in IAM's form")
    file = files[0]
    writers = _iam_writers(file.parent / "forms.txt")
    for number, line in read_text_lines(file):
        if not line.strip() or line.startswith("#"):
            continue
        where, fields = tree.where(file, number), line.strip().split(" ")
        if len(fields) < 9:
            yield Reject(where, f"too few fields: {len(fields)}, expected at least 9")
            continue
        if fields[1] != "ok" and not include_err:
            yield Reject(where, "marked err, its segmentation is wrong: --include-err keeps such rows")
            continue
        image = _iam_picture(file.parent, fields[0])
        if image is None:
            yield Reject(where, f"picture missing: {fields[0]}.png")
            continue
        form = "-".join(fields[0].split("-")[:2])
        yield Found(where, image, tree.name(image), " ".join(fields[8:]).replace("|", " "), None, writers.get(form))


def _iam_writers(forms: Path) -> dict[str, str]:
    """forms.txt: form id and writer id open each row."""
    if not forms.is_file():
        return {}
    rows = [line.split() for _, line in read_text_lines(forms) if line.strip() and not line.startswith("#")]
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _iam_picture(folder: Path, name: str) -> Path | None:
    """`a01-000u-00-00` -> `[words|lines/]a01/a01-000u/a01-000u-00-00.png`, from the list's folder or the one above."""
    parts = name.split("-")
    kind = "words" if len(parts) == 4 else "lines"
    inner = Path(parts[0], "-".join(parts[:2]), name)
    places = [base / way for base in (folder, folder.parent) for way in (Path(kind) / inner, inner, name)]
    files = (place.with_name(place.name + suffix) for place in places for suffix in (".png", ".jpg", ".tif"))
    return next((file for file in files if file.is_file()), None)


def _json_signs(tree: Tree) -> list[Path]:
    return [file for file in tree.named(".json") if _JSON_HEAD.match(peek(file))]


def _read_json(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """docTR's labels.json (pictures in images/) or any JSON map from picture to text (pictures beside it)."""
    files = [tree.source] if tree.source.is_file() else _json_signs(tree)
    for file in files:
        try:
            pairs: Any = json.loads(read_bytes(file).decode("utf-8-sig"), object_pairs_hook=tuple)
        except ValueError as error:  # UnicodeDecodeError is one as well
            raise NetchuError(f"{file}: not JSON in UTF-8 ({str(error)[:80]}); save it anew") from None
        if not isinstance(pairs, tuple):
            raise NetchuError(f"{file}: expected a JSON object {{picture: text}}, found a list or a single value")
        bases = [file.parent / "images", file.parent, tree.root]
        for name, text in pairs:
            where = tree.where(file, name)
            if not isinstance(text, str):
                yield Reject(where, "its value is not a text: quote numbers, and take boxes out")
                continue
            image = locate(bases, name)
            if image is None:
                yield Reject(where, f"picture missing: {name}")
            else:
                yield Found(where, image, tree.name(image), text, tree.split(file))


def _hf_signs(tree: Tree) -> list[Path]:
    return [file for file in tree.files if file.name in ("metadata.csv", "metadata.jsonl")]


def _read_hf(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """Hugging Face imagefolder: metadata.csv or .jsonl beside the pictures, columns file_name and text."""
    for file in [tree.source] if tree.source.is_file() else _hf_signs(tree):
        rows = _csv_rows(file) if file.suffix == ".csv" else _jsonl_rows(file)
        key: str | None = None
        for number, row in rows:
            where = tree.where(file, number)
            if isinstance(row, str):
                yield Reject(where, row)
                continue
            key = key or next((name for name in TEXT_KEYS if name in row), None)
            if key is None or "file_name" not in row:
                seen = ", ".join(map(str, row))[:80]
                raise NetchuError(f"{file}: expected the columns file_name and text, found {seen}; rename them")
            name, text = row["file_name"], row.get(key)
            if not isinstance(name, str) or not isinstance(text, str):
                yield Reject(where, f"file_name or {key} is not a text")
                continue
            image = locate([file.parent], name)
            if image is None:
                yield Reject(where, f"picture missing: {name}")
                continue
            split = SPLIT_WORDS.get(str(row.get("split") or "").lower()) or tree.folder_split(image)
            yield Found(where, image, tree.name(image), text, split, str(row.get("writer") or "") or None)


def _csv_rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Rows of a CSV with a header, or why one cannot be used."""
    text = "\n".join(line for _, line in read_text_lines(file))
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            whole = None not in row and None not in row.values()
            yield reader.line_num, row if whole else "its number of fields is not that of the header"
    except csv.Error as error:
        raise NetchuError(f"{file}: line {reader.line_num} is not CSV ({error}); check its quotes") from None


def _jsonl_rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Rows of a JSON-lines file, or why one cannot be used."""
    for number, line in read_text_lines(file):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield number, row if isinstance(row, dict) else "not a JSON object"


def _lmdb_signs(tree: Tree) -> list[Path]:
    return [file for file in tree.files if file.name == "data.mdb"]


def _read_lmdb(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """STR databases (CRNN, DTRB, PARSeq, PaddleOCR: counted from 1) and VietOCR's cache (counted from 0)."""
    for file in _lmdb_signs(tree):
        env = open_lmdb(file.parent, readonly=True, lock=False, readahead=False)
        prefix = tree.short(file.parent)
        split = tree.split(file)
        with env, env.begin() as store:
            start = 0 if store.get(b"image-%09d" % 0) is not None else 1
            total = store.get(b"num-samples")
            if total is None or not total.isdigit():
                raise NetchuError(f"{file}: holds no num-samples; this is not a database of line pictures")
            index, last = start, start + int(total) - 1  # VietOCR's count is one too small: go on while there are more
            while index <= last or store.get(b"image-%09d" % index) is not None:
                image, label, name = (store.get(b"%s-%09d" % (kind, index)) for kind in (b"image", b"label", b"path"))
                yield _from_store(f"{prefix}/data.mdb:{index}", image, label, name or b"%09d" % index, split)
                index += 1


def _from_store(where: str, image: bytes | None, label: bytes | None, name: bytes, split: str | None) -> Found | Reject:
    """One entry of a database; the name's suffix is the picture's true one."""
    if image is None or label is None:
        return Reject(where, "no picture under this number" if image is None else "no label under this number")
    suffix = _suffix_of(image)
    if suffix is None:
        return Reject(where, "its bytes are no known picture format")
    try:
        text = label.decode("utf-8")
    except UnicodeDecodeError:
        return Reject(where, "label is not UTF-8")
    path = Path(name.decode("utf-8", "replace").replace("\\", "/"))
    kept = path.parts[1:] if len(path.parts) > 1 and path.parts[0] in PICTURE_FOLDERS else path.parts
    return Found(where, image, "/".join(kept) + ("" if path.suffix.lower() in SUFFIXES else suffix), text, split)


def open_lmdb(folder: Path, **options: Any) -> Any:
    """Open a database. Raises NetchuError when lmdb is not installed or the folder holds none."""
    try:
        import lmdb
    except ImportError:
        raise NetchuError(f"{folder}: databases need the package lmdb; run: pip install 'netchu[lmdb]'") from None
    try:
        return lmdb.open(os.fspath(folder), **options)
    except (lmdb.Error, OSError) as error:
        raise NetchuError(f"{folder}: not a readable LMDB database ({error}); copy it anew") from None


def _read_names(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
    """The label is in the file name: `label.jpg`, or `id_label.jpg` when every name has an underscore."""
    pictures = [file for file in tree.files if looks_like_picture(file.name)]
    numbered = all("_" in file.stem for file in pictures)
    for file in pictures:
        text = file.stem.partition("_")[2] if numbered else file.stem
        yield Found(tree.short(file), file, tree.name(file), text, tree.folder_split(file))


def _suffix_of(data: bytes) -> str | None:
    """The suffix that a picture's first bytes tell."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for start, suffix in _STARTS.items() if data.startswith(start)), None)


def _lines_of(form: PageFormat) -> Callable[[Tree, bool], Iterator[Found | Reject]]:
    """A format of pages as one of lines: they are cut out."""

    def read(tree: Tree, include_err: bool) -> Iterator[Found | Reject]:
        from netchu.data.page_import import cut_out

        return cut_out(form.read(tree))

    return read


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format("native", "a folder with lines.tsv", _native_signs, _read_native),
        Format("gt-txt", "pairs 0001.png + 0001.gt.txt", _gt_signs, _read_gt),
        Format("paddleocr", "a list of path<TAB>label", _list_signs, _read_list),
        Format("lmdb", "a folder with data.mdb", _lmdb_signs, _read_lmdb),
        Format("iam", "IAM's words.txt or lines.txt", _iam_signs, _read_iam),
        Format("json", "labels.json: a map from picture to text", _json_signs, _read_json),
        Format("hf", "metadata.csv or metadata.jsonl with file_name and text", _hf_signs, _read_hf),
        *(Format(form.name, form.shape, form.signs, _lines_of(form)) for form in PAGE_FORMATS.values()),
        Format("names", "the label in the file name; only when asked for", lambda tree: [], _read_names),
    )
}
ALIASES = {"vietocr": "paddleocr", "list": "paddleocr", "doctr": "json", "str": "lmdb", "imagefolder": "hf"}
ALIASES |= {"page-xml": "page", "pagexml": "page", "altoxml": "alto"}
