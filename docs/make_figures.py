"""Draws docs/images/benzene.png and benzene_spectrum.png: ``python docs/make_figures.py`` (needs tblite)."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from symvib import harmonic_response, normal_modes, plot_spectra, point_group_report
from symvib.forward.spectrum_plot import save_figure
from symvib.groups.drawing import draw_molecule

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Benzene: molecule with axes and planes, who sees its vibrations, and its spectra."""
    benzene = HERE.parent / "examples" / "benzene.xyz"
    save_figure(
        plot_spectra(normal_modes(harmonic_response(benzene))), HERE / "images" / "benzene_spectrum.png", dpi=110
    )
    report = point_group_report(benzene)
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[0.45, 0.55])
    draw_molecule(report, "axes", left.subplots())
    report.plot(right.subplots())
    figure.savefig(HERE / "images" / "benzene.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
