"""WebShop: find and buy the product that an instruction describes, in a shop of up to 1.2 million products."""

from .world import WebShop

__all__ = ["WebShop"]
