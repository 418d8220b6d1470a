"""Worlds of the web: shops, pages, browsers."""
