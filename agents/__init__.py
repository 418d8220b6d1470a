"""Policies and the models behind them."""
