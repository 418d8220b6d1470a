"""Bring worlds and agents together, and judge what happened."""
