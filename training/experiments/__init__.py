"""Experiments: whole jobs made of training's parts."""
