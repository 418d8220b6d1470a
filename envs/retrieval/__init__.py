"""Search over passages: the words of English as Lucene takes them, and its BM25."""

from .bm25 import BM25

__all__ = ["BM25"]
