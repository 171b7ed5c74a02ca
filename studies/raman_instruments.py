"""Maps between the ten Raman settings of the CHARISMA round robin, samples or materials left out.

    python studies/raman_instruments.py --data ../shared/data

Writes studies/results/raman_instruments.json: means over all pairs of settings, and of each material.
"""

import argparse
import logging
from pathlib import Path

from _tools import write_results

from symvib.evaluation.instrument_sets import charisma
from symvib.evaluation.raman_transfer import MATERIALS, RamanMatch, raman_match

logger = logging.getLogger("raman_instruments")


def main() -> None:
    """All pairs, all maps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="[default: SYMVIB_DATA]")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    data = charisma(arguments.data)
    found = raman_match(data, on_done=logger.info)
    by_material = {
        material: RamanMatch(tuple(s for s in found.scores if MATERIALS[s.sample] == material)).summary()
        for material in dict.fromkeys(MATERIALS.values())
    }
    write_results("raman_instruments", {"set": data.as_dict(), "summary": found.summary(), "by_material": by_material})


if __name__ == "__main__":
    main()
