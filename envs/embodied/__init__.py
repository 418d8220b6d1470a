"""Worlds of households and laboratories."""
