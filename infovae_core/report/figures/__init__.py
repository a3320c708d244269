"""Figures from data frames: a function each."""
