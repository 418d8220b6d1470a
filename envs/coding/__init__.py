"""Worlds of programs and machines."""
