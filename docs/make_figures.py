"""Draws the picture of the README: ``python docs/make_figures.py`` writes docs/images/benzene.png."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from symvib import point_group_report
from symvib.groups.drawing import draw_molecule

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Benzene: molecule with axes and planes, and who sees its vibrations."""
    report = point_group_report(HERE.parent / "examples" / "benzene.xyz")
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[0.45, 0.55])
    draw_molecule(report, "axes", left.subplots())
    report.plot(right.subplots())
    figure.savefig(HERE / "images" / "benzene.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
