"""From a finished training run to what ships: ``python tools/make_spektron.py FOLDER [NAME]``.

Writes spektron/data/spektron_NAME: the weights in 16 bits, the library, the calibration, and metrics.json with the
scores on test molecules of exactly these weights. The run itself: ``symvib train --config small --out FOLDER``.
"""

import sys
from pathlib import Path

import torch

from symvib.spektron.companions import write_companions
from symvib.spektron.model import Spektron
from symvib.spektron.scores import held_out_scores
from symvib.spektron.training_data import load_training_data

DATA = Path(__file__).resolve().parents[1] / "spektron" / "data"


def main(run: str, name: str = "small") -> None:
    """Write the folder, and print how large its files are."""
    data = load_training_data()
    trained = Spektron.from_pretrained(run)
    if trained.metrics["data_hash"] != data.data_hash:
        raise SystemExit(f"{run} was trained on other data ({trained.metrics['data_hash'][:12]}).")
    place = DATA / f"spektron_{name}"
    trained.save(place, torch.float16)
    model = Spektron.from_pretrained(place)
    write_companions(model, data, place)
    model.metrics["held_out"] = held_out_scores(model, data).as_dict()
    model.save(place, torch.float16)
    for path in sorted(place.iterdir()):
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
