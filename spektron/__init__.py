"""Spektron: a model of vibrational spectra, and what it is trained on, compared with and adapted by."""
