"""Language models: n-grams of characters or words, smoothed, mixed, pruned and kept in one memory-mapped file."""

from netchu.lm.file import load, save
from netchu.lm.ngram import NGram

__all__ = ["NGram", "load", "save"]
