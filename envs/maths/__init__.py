"""Worlds of sums and proofs."""
