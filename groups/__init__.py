"""Molecules, point groups, character tables and selection rules."""
