"""Policies and the models behind them."""

from .core import Agent, Brief, Limits, Model, View
from .registry import agents, make_agent, make_model, model_kinds, register_agent, register_model

__all__ = [
    "Agent",
    "Brief",
    "Limits",
    "Model",
    "View",
    "agents",
    "make_agent",
    "make_model",
    "model_kinds",
    "register_agent",
    "register_model",
]
