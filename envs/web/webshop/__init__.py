"""WebShop: products, pages, goals, reward and search of the shop, in pure Python."""

from .world import WebShop

__all__ = ["WebShop"]
