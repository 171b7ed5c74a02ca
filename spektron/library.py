"""A library of molecules to search by embedding: unit vectors as 8-bit integers, beside the weights of the model."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..groups.operations import NDArrayFloat

__all__ = ["EmbeddingLibrary", "Neighbour", "quantised"]

FILE = "library.safetensors"
_STEPS = 127
_TEXTS = ("ids", "formulas", "smiles")
_MOST_TEXT = 2**28  # bytes of the unpacked names: a small file could hold any number of zeros
_CHUNK = 4096  # library rows that are turned into floats at once


@dataclass(frozen=True)
class Neighbour:
    """A molecule of the library that is like the spectrum: ``similarity`` is the cosine of the embeddings."""

    id: str
    formula: str
    smiles: str
    similarity: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


def quantised(embeddings: Any) -> "tuple[np.ndarray, NDArrayFloat]":
    """Embeddings (n, k) as int8 and the factor (n,) of each row; a cosine is then off by 1e-3 or so.

    Each row is stretched to use all 127 steps: entries of a unit vector in 256 dimensions are about 0.06.

    Examples
    --------
    >>> whole, factor = quantised([[0.6, -0.8]])
    >>> whole.tolist(), round(float(factor[0]), 5)
    ([[95, -127]], 0.0063)
    """
    values = np.asarray(embeddings, dtype=float)
    factor = np.maximum(np.abs(values).max(axis=1), 1e-12) / _STEPS
    return np.rint(values / factor[:, None]).astype(np.int8), factor


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddingLibrary:
    """Embeddings of the ideal spectra of n molecules, for each combination of modalities that can be asked with.

    Attributes
    ----------
    ids, formulas, smiles : tuple of str (n,)
        "" where not known.
    embeddings : dict of str to ndarray (n, d) of int8
        By modalities joined with "+": "ir", "raman", "ir+raman".
    bases : dict of str to ndarray (k, d)
        Where there is one, the embeddings are those of k numbers times the basis: their d principal directions.
    weights : str
        `Spektron.fingerprint` of the model that embedded them, "" if not known.
    """

    ids: tuple[str, ...]
    formulas: tuple[str, ...]
    smiles: tuple[str, ...]
    embeddings: Mapping[str, np.ndarray]
    bases: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: str = ""

    def __post_init__(self) -> None:
        sizes = {len(getattr(self, name)) for name in _TEXTS} | {len(e) for e in self.embeddings.values()}
        if not self.embeddings or len(sizes) != 1:
            raise ModelError(f"EmbeddingLibrary: ids, formulas, smiles and embeddings have {sorted(sizes)} rows.")
        for key, values in self.embeddings.items():
            if values.dtype != np.int8 or values.ndim != 2:
                raise ModelError(f"EmbeddingLibrary: embeddings {key!r} are {values.dtype} of shape {values.shape}.")
            basis = self.bases.get(key)
            if basis is not None and (basis.ndim != 2 or basis.shape[1] != values.shape[1]):
                raise ModelError(f"EmbeddingLibrary: embeddings {values.shape} and basis {basis.shape} of {key!r}.")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"EmbeddingLibrary({len(self)} molecules; {', '.join(self.embeddings)})"

    @property
    def query_lengths(self) -> dict[str, int]:
        """How many numbers a query vector has, by modalities."""
        return {key: len(self.bases[key]) if key in self.bases else e.shape[1] for key, e in self.embeddings.items()}

    @classmethod
    def of(
        cls,
        embeddings: Mapping[str, Any],
        ids: Sequence[str],
        formulas: Sequence[str] | None = None,
        smiles: Sequence[str] | None = None,
        *,
        dimensions: int | None = None,
        weights: str = "",
    ) -> "EmbeddingLibrary":
        """The library of unit vectors (n, k), as `Spektron.embed` returns them, by modalities ("ir+raman").

        With ``dimensions`` below k only that many principal directions are kept, which makes the file smaller.
        """
        empty = [""] * len(ids)
        vectors = {key: np.asarray(values, dtype=float) for key, values in embeddings.items()}
        bases = {}
        for key, values in vectors.items():
            if dimensions is not None and dimensions < min(values.shape):
                # Not centred: cosines are about the origin.
                bases[key] = np.linalg.eigh(values.T @ values)[1][:, : -dimensions - 1 : -1].astype(np.float32)
                vectors[key] = values @ bases[key]
        stored = {key: quantised(values)[0] for key, values in vectors.items()}
        return cls(tuple(ids), tuple(formulas or empty), tuple(smiles or empty), stored, bases, weights)

    def similarities(self, query: Any, modalities: Sequence[str]) -> NDArrayFloat:
        """Cosines (n,) of a query vector with the molecules, embedded from the same kinds of spectra.

        Parameters
        ----------
        query : (k,) or (s, k) array
            Of several the largest cosine counts.
        modalities : sequence of str

        Raises
        ------
        ModelError
            The library holds no embeddings from these kinds, or ones of another length; no query.
        """
        key = "+".join(sorted(modalities))
        if key not in self.embeddings:
            raise ModelError(f"{self!r} was asked for {key}: embed its molecules from these spectra, too.")
        stored = self.embeddings[key]
        vectors = np.atleast_2d(np.asarray(query, dtype=np.float32))
        basis = self.bases.get(key)
        if vectors.ndim != 2 or not len(vectors) or vectors.shape[1] != self.query_lengths[key]:
            raise ModelError(
                f"{self!r}: embeddings have {self.query_lengths[key]} numbers, the query has the shape {vectors.shape}."
            )
        vectors = vectors if basis is None else vectors @ basis
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        found = np.empty(len(self))
        for start in range(0, len(self), _CHUNK):
            rows = stored[start : start + _CHUNK].astype(np.float32)
            found[start : start + _CHUNK] = (rows @ vectors.T).max(axis=1) / np.linalg.norm(rows, axis=1).clip(1e-12)
        return found

    def nearest(self, query: Any, modalities: Sequence[str], count: int = 10) -> tuple[Neighbour, ...]:
        """The ``count`` molecules most like a query, best first; arguments as of `similarities`."""
        similarities = self.similarities(query, modalities)
        best = np.argsort(-similarities, kind="stable")[:count]
        return tuple(
            Neighbour(self.ids[i], self.formulas[i], self.smiles[i], float(similarities[i])) for i in best.tolist()
        )

    def save(self, folder: str | Path) -> Path:
        """Write library.safetensors into a folder and return its path."""
        from safetensors.numpy import save

        from ..groups.atomic_write import writing

        texts = json.dumps({name: getattr(self, name) for name in (*_TEXTS, "weights")}).encode()
        packed = {"texts": np.frombuffer(zlib.compress(texts, 9), dtype=np.uint8)}
        path = Path(folder) / FILE
        with writing(path) as stream:
            vectors = {f"embedding {k}": v for k, v in self.embeddings.items()}
            stream.write(
                save({**packed, **vectors, **{f"basis {k}": np.ascontiguousarray(v) for k, v in self.bases.items()}})
            )
        return path

    @classmethod
    def load(cls, folder: str | Path) -> "EmbeddingLibrary":
        """The library of a folder; ModelError if it has none, or a damaged one."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = Path(folder) / FILE
        if not path.is_file():
            raise ModelError(f"there is no library {path}.")
        try:
            tensors = load(path.read_bytes())
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(tensors.pop("texts").tobytes(), _MOST_TEXT)
            if not unpacker.eof:
                raise ValueError(f"names that are cut short or longer than {_MOST_TEXT} bytes")
            texts = json.loads(unpacked)
            stored, bases = (
                {key.removeprefix(kind): value for key, value in tensors.items() if key.startswith(kind)}
                for kind in ("embedding ", "basis ")
            )
            ids, formulas, smiles = (tuple(texts[name]) for name in _TEXTS)
            return cls(ids, formulas, smiles, stored, bases, str(texts["weights"]))
        except (SafetensorError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise ModelError(f"{path} is damaged: {error!r}.") from error
