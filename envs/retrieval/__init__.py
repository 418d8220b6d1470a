"""Finding documents by words: Lucene's analyser and BM25 in NumPy."""

from .analyzer import analyze
from .bm25 import BM25

__all__ = ["BM25", "analyze"]
