"""First sight of symvib: reports on the molecules of this folder, printed, and as HTML pages in ``out/``.

Run ``python examples/demo.py`` (``make demo`` does).
"""

from pathlib import Path

import symvib as sv

HERE = Path(__file__).parent
OUT = Path("out")


def main() -> None:
    """Print one report, one line for each further molecule, and write a page for each."""
    OUT.mkdir(exist_ok=True)
    print(sv.point_group_report(HERE / "benzene.xyz"))
    print(f"\n{'molecule':<28}{'group':<8}{'IR':>5}{'Raman':>7}{'both':>6}{'silent':>8}{'all':>5}{'R':>8}  exclusion")
    for path in sorted(HERE.glob("*.xyz")):
        report = sv.point_group_report(path)
        counts = f"{report.n_ir:>5}{report.n_raman:>7}{report.n_both:>6}{report.n_silent:>8}{report.n_vib:>5}"
        exclusion = report.exclusion_kind if report.mutual_exclusion else "-"
        print(f"{path.stem:<28}{report.point_group!s:<8}{counts}{report.completeness:>8.3f}  {exclusion}")
        report.to_html(OUT / f"{path.stem}.html")
    print(f"\nPages with drawings, character tables and the decomposition worked: {OUT.resolve()}/*.html")
    print("The same for your own molecule: symvib report molecule.xyz --html molecule.html")


if __name__ == "__main__":
    main()
