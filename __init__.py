"""Marks the root of the source tree, so that folders import each other relatively; never shipped."""
