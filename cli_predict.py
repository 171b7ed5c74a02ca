"""``symvib predict``: what a trained model says of a measured spectrum."""

import json
from importlib.util import find_spec
from typing import Annotated

import typer

from .cli_base import JsonOption, check_outputs, refusing, say, write_result
from .errors import MissingPackageError

__all__ = ["predict"]


@refusing
def predict(
    spectrum: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="IR spectrum: JCAMP-DX, or two columns (CSV, text). Raman: see --raman."),
    ] = None,
    raman: Annotated[str | None, typer.Option(metavar="FILE", help="Raman spectrum of the same sample.")] = None,
    model: Annotated[str, typer.Option(help="A shipped model, or the folder of one.")] = "small",
    unit: Annotated[
        str | None, typer.Option(help="Of the axis of both files: cm-1, um or nm [default: as stated].")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option(help="Of the IR file: absorbance or transmittance [default: as stated or seen].")
    ] = None,
    nearest: Annotated[int, typer.Option(min=0, max=1000, help="Molecules of the library to name.")] = 10,
    json_path: JsonOption = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Picture: .png, .svg or .pdf.")] = None,
) -> None:
    """Functional groups, nearest molecules and trustworthiness, from a measured IR or Raman spectrum or both.

    The model was trained on simulated spectra; its answers are leads, not proofs. Files that are there are replaced.
    """
    if spectrum is None and raman is None:
        raise typer.BadParameter("give an IR spectrum, --raman FILE, or both.")
    check_outputs(json_path, stdout=True)
    check_outputs(plot)
    if plot:
        from .forward.spectrum_plot import picture_path

        picture_path(plot)
    if find_spec("torch") is None:
        raise MissingPackageError.of_extra("symvib predict needs PyTorch", "ml")
    from .spektron.predict import Predictor

    predictor = Predictor.from_pretrained(model)
    ir_input = None if spectrum is None else predictor.input_of(spectrum, "ir", unit=unit, quantity=quantity)
    raman_input = None if raman is None else predictor.input_of(raman, "raman", unit=unit)
    found = predictor.predict(ir_input, raman_input, nearest=nearest)
    text = json.dumps(found.as_dict(), indent=1, allow_nan=False)
    typer.echo(text if json_path == "-" else found.to_text())
    if json_path not in (None, "-"):
        write_result(json_path, text)
    if plot:
        from matplotlib.figure import Figure

        from .forward.spectrum_plot import save_figure

        figure = found.plot().figure
        assert isinstance(figure, Figure)
        save_figure(figure, plot)
        say(f"written: {plot}")
