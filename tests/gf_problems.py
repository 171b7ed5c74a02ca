"""Random GF problems."""

import numpy as np


def problem(n, ranks, seed=0, hermitian=False):
    """Random G, F (positive definite) and intensity factors of the given ranks."""
    rng = np.random.default_rng([n, len(ranks), seed])

    def matrix(rows, columns):
        real = rng.normal(size=(rows, columns))
        return real + 1j * rng.normal(size=(rows, columns)) if hermitian else real

    def definite():
        m = matrix(n, n)
        return m @ m.conj().T / n + np.eye(n)

    return definite(), definite(), {f"i{j}": matrix(n, r) for j, r in enumerate(ranks)}
