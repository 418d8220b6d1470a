"""Worlds of questions and sources."""
