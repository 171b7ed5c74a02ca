"""The report: counts, round trips, formats, escaping, figures, special cases."""

import json
import re
import shutil
import subprocess
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule, PointGroupReport, ReportSection, detect_point_group, point_group_report
from symvib.errors import MoleculeError, SymvibError
from symvib.groups.atomic_write import write_text
from symvib.groups.drawing import draw_molecule, drawn_elements
from symvib.groups.report_section import StoredSection
from symvib.groups.report_words import exclusion_sentence, silent_outlook
from zoo import EXPECTED_COUNTS, ZOO, ZOO_BY_NAME, rotated

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# One molecule of each group.
ONE_PER_GROUP = {m.group: m for m in reversed(ZOO) if len(m.symbols) <= 62}
MANY = [ONE_PER_GROUP[group] for group in sorted(ONE_PER_GROUP)]
SOME = MANY[:: len(MANY) // 30]  # pictures take time
EXAMPLE_COUNTS = {
    "water": ("C2v", (3, 3, 3, 0, 3)),
    "ammonia": ("C3v", (6, 6, 6, 0, 6)),
    "methane": ("Td", (6, 9, 6, 0, 9)),
    "carbon_dioxide": ("Dinfh", (3, 1, 0, 0, 4)),
    "hydrogen_cyanide": ("Cinfv", (4, 4, 4, 0, 4)),
    "hydrogen_peroxide": ("C2", (6, 6, 6, 0, 6)),
    "trans-1,2-dichloroethylene": ("C2h", (6, 6, 0, 0, 12)),
    "benzene": ("D6h", (7, 12, 0, 11, 30)),
    "allene": ("D2d", (11, 15, 11, 0, 15)),
    "sulfur_hexafluoride": ("Oh", (6, 6, 0, 3, 15)),
    "cyclooctasulfur": ("D4d", (5, 12, 0, 1, 18)),
    "cubane": ("Oh", (9, 18, 0, 15, 42)),
    "ferrocene_staggered": ("D5d", (16, 26, 0, 15, 57)),
    "ferrocene_eclipsed": ("D5h", (16, 26, 0, 15, 57)),
    "buckminsterfullerene": ("Ih", (12, 42, 0, 120, 174)),
}


def zoo_report(molecule, **options):
    return point_group_report(molecule_of(molecule.symbols, molecule.positions), **options)


def counts_of(report):
    return report.n_ir, report.n_raman, report.n_both, report.n_silent, report.n_vib


@pytest.fixture(scope="module")
def benzene():
    return point_group_report(EXAMPLES / "benzene.xyz")


@pytest.fixture(scope="module")
def argon():
    return point_group_report((["Ar"], [[0.0, 0.0, 0.0]]))


# ---------------------------------------------------------------------------------------------------- counts


@pytest.mark.parametrize("name", EXPECTED_COUNTS)
def test_check_values(name):
    report = zoo_report(ZOO_BY_NAME[name])
    assert counts_of(report) == EXPECTED_COUNTS[name]
    _, _, _, silent, every = EXPECTED_COUNTS[name]
    assert report.completeness == float(1 - Fraction(silent, every))


@pytest.mark.parametrize("stem", EXAMPLE_COUNTS)
def test_examples(stem):
    report = point_group_report(EXAMPLES / f"{stem}.xyz")
    assert (report.point_group.label, counts_of(report)) == EXAMPLE_COUNTS[stem]
    assert report.detection.deviation_angstrom < 1e-6  # ideal to the digits printed


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.xyz")} == set(EXAMPLE_COUNTS)


@pytest.mark.parametrize("molecule", MANY, ids=lambda m: m.group)
def test_rows_add_up_to_the_counts(molecule):
    report = zoo_report(molecule)
    assert sum(row.modes for row in report.rows) == report.n_vib == report.gamma_vib.dimension
    assert sum(row.modes for row in report.rows if row.infrared) == report.n_ir
    assert sum(row.modes for row in report.rows if row.raman) == report.n_raman
    assert sum(row.modes for row in report.rows if row.silent) == report.n_silent
    assert sum(row.count for row in report.rows) == report.levels.n_vib
    assert report.gamma_trans + report.gamma_rot + report.gamma_vib == report.gamma_3n
    assert report.n_ir + report.n_raman - report.n_both + report.n_silent == report.n_vib


@pytest.mark.parametrize("molecule", MANY, ids=lambda m: m.group)
def test_worked_reduction_gives_gamma_3n(molecule):
    report = zoo_report(molecule)
    work = report.worked_reduction
    if work is None:
        assert not report.point_group.is_finite
        return
    assert {s.label: s.multiplicity for s in work.irreps if s.multiplicity} == dict(report.gamma_3n)
    assert [s.label for s in work.irreps] == [row.label for row in report.rows]
    for step in work.irreps:
        assert step.total == step.multiplicity * step.norm * work.order
        assert sum(size * complex(chi).conjugate() * complex(x) for size, chi, x in step.terms) == pytest.approx(
            float(step.total), abs=1e-6
        )


def test_orientation_and_order_of_atoms_do_not_matter():
    molecule = ZOO_BY_NAME["benzene"]
    order = np.random.default_rng(4).permutation(len(molecule.symbols))
    turned = rotated(molecule.positions, np.random.default_rng(3))[order]
    first = zoo_report(molecule)
    second = point_group_report(molecule_of([molecule.symbols[i] for i in order], turned))
    assert first.rows == second.rows
    assert first.as_dict()["levels"] == second.as_dict()["levels"]


def test_detection_can_be_handed_in():
    detection = detect_point_group(EXAMPLES / "water.xyz")
    assert point_group_report(detection) == point_group_report(EXAMPLES / "water.xyz")


# ------------------------------------------------------------------------------------------------ round trips


@pytest.mark.parametrize("molecule", MANY, ids=lambda m: m.group)
def test_round_trip_through_json(molecule):
    report = zoo_report(molecule)
    back = PointGroupReport.from_dict(json.loads(report.to_json()))
    assert back == report
    assert back.as_dict() == report.as_dict()
    assert str(back) == str(report)
    assert back.detection == report.detection
    assert back.rows == report.rows


def test_json_has_no_nan(argon):
    assert "NaN" not in argon.to_json()
    assert json.loads(argon.to_json())["completeness"] is None


def test_from_dict_refuses_another_schema():
    with pytest.raises(SymvibError, match="schema"):
        PointGroupReport.from_dict({"schema": "something/9"})
    with pytest.raises(SymvibError, match="list"):
        PointGroupReport.from_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("completeness", 0.9),
        ("n_ir", 8),
        ("gamma_vib", {"A1g": 1}),
        ("gamma_vib", {"X9": 1}),
        ("exclusion_kind", "<b>"),
        ("rows", []),
        ("point_group", "nonsense"),
        ("molecule", {}),
        ("detection", {}),
        ("levels", None),
    ],
)
def test_from_dict_refuses_damaged_data(benzene, key, value):
    with pytest.raises(SymvibError, match=r"damaged|contradict"):
        PointGroupReport.from_dict({**benzene.as_dict(), key: value})


def test_from_dict_refuses_a_missing_key(benzene):
    data = benzene.as_dict()
    del data["notes"]
    with pytest.raises(SymvibError, match="damaged"):
        PointGroupReport.from_dict(data)


# ---------------------------------------------------------------------------------------------------- formats


class Page(HTMLParser):
    """Start tags, attributes and text of a page; checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "br", "wbr", "link"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.open, self.words = [], [], [], []
        self.feed(text)
        assert not self.open, f"unclosed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("molecule", SOME, ids=lambda m: m.group)
def test_every_format(molecule):
    report = zoo_report(molecule)
    text = report.to_html()
    html = Page(text)
    assert not {"script", "link", "iframe", "object", "form"} & set(html.tags)
    assert html.links
    assert all(link.startswith("data:image/svg+xml;base64,") for link in html.links)
    assert not re.search(r"@import|url\(", text)
    assert Page(report._repr_html_()).tags
    assert report.to_text().isascii()
    assert report.to_markdown().startswith(f"# {report.molecule_name}")
    latex = report.to_latex()
    assert latex.count(r"\begin{") == latex.count(r"\end{")
    assert latex.count("{") == latex.count("}")
    assert latex.count("$") % 2 == 0


def test_text_of_benzene(benzene):
    text = str(benzene)
    assert "Point group    D6h (order 24)" in text
    assert "2A1g + A2g + 2B2g + E1g + 4E2g + A2u + 2B1u + 2B2u + 3E1u + 2E2u" in text
    assert "(IR + Raman - both)/all = (7 + 12 - 0)/30 = 0.633" in text
    assert "3N - 6 = 3 x 12 - 6 = 30" in text
    assert max(map(len, text.splitlines())) <= 100


def test_text_of_water_says_that_nothing_is_silent():
    assert "none: IR or Raman sees every vibration" in str(point_group_report(EXAMPLES / "water.xyz"))


def test_html_of_benzene_shows_the_working(benzene):
    words = " ".join("".join(Page(benzene.to_html()).words).split())
    assert "1·1·36 + 3·1·(−4) + 1·1·12 + 3·1·4" in words  # n(A1g) = 48/24
    assert "48/24" in words
    assert "0.633" in words


def test_latex_compiles(benzene, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    benzene.to_latex(tmp_path / "report.tex", standalone=True)
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"], cwd=tmp_path, capture_output=True
    )
    assert run.returncode == 0, run.stdout[-500:]


def test_files_are_written(benzene, tmp_path):
    for suffix, write in (("html", benzene.to_html), ("md", benzene.to_markdown), ("tex", benzene.to_latex)):
        path = tmp_path / f"report.{suffix}"
        assert write(path) == path.read_text(encoding="utf-8")
    benzene.to_json(tmp_path / "report.json")
    assert PointGroupReport.from_dict(json.loads((tmp_path / "report.json").read_text())) == benzene
    assert len(list(tmp_path.iterdir())) == 4  # no temporary file is left


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "new \ud800")
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_an_error(benzene, tmp_path):
    with pytest.raises(SymvibError, match=r"no folder .*nowhere"):
        benzene.to_html(tmp_path / "nowhere" / "report.html")


# --------------------------------------------------------------------------------------------------- escaping

EVIL = "<script>alert(1)</script>& <img src=x onerror=alert(2)> $x^2$ \\input{/etc/passwd} [a](b) | `c` \x1b[31m"


@pytest.fixture(scope="module")
def evil():
    water = ZOO_BY_NAME["H2O"]
    numbers = molecule_of(water.symbols, water.positions).numbers
    return point_group_report(Molecule.from_arrays(numbers, water.positions, name=EVIL, comment=EVIL))


def test_markup_in_a_name_does_not_reach_the_html(evil):
    for html in (evil.to_html(), evil._repr_html_()):
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in html


def test_markup_in_a_comment_line_of_a_file(tmp_path):
    path = tmp_path / "evil.xyz"
    path.write_text("2\n<script>alert(1)</script>&\nH 0 0 0\nH 0 0 0.74\n")
    html = point_group_report(path).to_html()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in html


def test_markup_in_a_name_does_not_reach_latex_or_markdown(evil):
    assert r"\input" not in evil.to_latex()
    assert r"\textbackslash{}input\{/etc/passwd\}" in evil.to_latex()
    assert "<script" not in evil.to_markdown()
    assert "[a](b)" not in evil.to_markdown()


@pytest.mark.parametrize(
    "render", [str, PointGroupReport.to_markdown, PointGroupReport.to_latex, PointGroupReport.to_html]
)
def test_control_characters_do_not_reach_any_format(evil, render):
    assert "\x1b" not in render(evil)


def test_markup_in_stored_labels_is_escaped(benzene):
    data = benzene.as_dict()
    data["detection"]["classes"][0]["label"] = "<script>alert(1)</script>"
    data["detection"]["elements"][0]["label"] = "<script>$\\alpha"
    data["detection"]["reason"] = "<script>"
    assert "<script" not in PointGroupReport.from_dict(data).to_html()


# --------------------------------------------------------------------------------------------------- sections


class Modes:
    """A section as a room above would bring it."""

    title = "Normal modes <of> benzene"

    def to_text(self):
        return "mode 1\nmode 2"

    def to_html(self):
        return "<ul><li>mode 1</li></ul>"

    def to_markdown(self):
        return "- mode 1"

    def as_dict(self):
        return {"modes": [1, 2]}


def test_sections_appear_in_every_format(benzene):
    report = benzene.with_sections(Modes())
    assert isinstance(Modes(), ReportSection)
    assert benzene.sections == ()
    assert "mode 1\nmode 2" in str(report)
    assert "<ul><li>mode 1</li></ul>" in report.to_html()
    assert "Normal modes &lt;of&gt; benzene" in report.to_html()
    assert "- mode 1" in report.to_markdown()
    assert "mode 1" in report.to_latex()


def test_sections_survive_storage_but_their_markup_does_not(benzene):
    report = point_group_report(EXAMPLES / "benzene.xyz", sections=[Modes()])
    back = PointGroupReport.from_dict(report.as_dict())
    assert back == report
    assert isinstance(back.sections[0], StoredSection)
    assert "<li>" not in back.sections[0].to_html()
    assert back.sections[0].as_dict() == {"modes": [1, 2]}


def test_what_is_no_section_is_refused(benzene):
    with pytest.raises(SymvibError, match="to_html"):
        benzene.with_sections("text")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- special cases


def test_atom(argon):
    assert argon.point_group.label == "Kh"
    assert argon.completeness is None
    assert argon.raw_ratio is None
    assert not argon.mutual_exclusion
    assert "undefined" in str(argon)
    assert "undefined" in argon.to_html()
    assert "undefined" in argon.to_latex()
    assert "undefined" in argon.to_markdown()


def test_homonuclear_diatomic_has_vacuous_exclusion():
    report = zoo_report(ZOO_BY_NAME["N2"])
    assert (report.n_ir, report.n_raman, report.completeness) == (0, 1, 1.0)
    assert report.exclusion_kind == "inversion"
    assert not report.mutual_exclusion
    assert exclusion_sentence(report).startswith("Vacuous")


@pytest.mark.parametrize(
    ("stem", "kind", "word"),
    [
        ("benzene", "inversion", "Yes, by inversion"),
        ("ferrocene_eclipsed", "table", "Yes, by the table"),
        ("cyclooctasulfur", "table", "Yes, by the table"),
        ("water", "none", "No"),
    ],
)
def test_exclusion_in_words(stem, kind, word):
    report = point_group_report(EXAMPLES / f"{stem}.xyz")
    assert report.exclusion_kind == kind
    assert report.mutual_exclusion is (kind != "none")
    assert exclusion_sentence(report).startswith(word)


def test_complex_pairs_are_explained():
    report = zoo_report(ONE_PER_GROUP["C3h"])
    assert any("complex-conjugate" in note for note in report.notes)
    assert {row.label: row.dimension for row in report.rows}["E'"] == 2
    assert {row.label: row.separable for row in report.rows}["E'"]
    assert "norm 2" in report.to_html()


def test_isotopes_lower_the_symmetry_and_are_noted():
    methane = ZOO_BY_NAME["CH4"]
    molecule = molecule_of(methane.symbols, methane.positions)
    hydrogen = int(np.flatnonzero(molecule.numbers == 1)[0])
    report = point_group_report(molecule.with_isotopes({hydrogen: 2}))
    assert report.point_group.label == "C3v"
    assert any("Isotopes" in note for note in report.notes)


def test_ambiguous_symmetry_is_said_in_every_format(benzene):
    from dataclasses import replace

    facts = replace(benzene.detection, ambiguous=True, reason="two gaps")
    report = replace(benzene, detection=facts)
    assert "AMBIGUOUS" in str(report)
    assert "ambiguous" in report.to_html()


def test_given_tolerance_is_reported():
    report = point_group_report(EXAMPLES / "water.xyz", tolerance=0.02)
    assert "tolerance given: 0.02 A" in str(report)


def test_silent_species_of_sf6_become_visible():
    (outlook,) = silent_outlook(point_group_report(EXAMPLES / "sulfur_hexafluoride.xyz"))
    assert outlook.label == "T2u"
    assert outlook.raman[0] == "2 T2u"
    assert "hyper-Raman" in outlook.direct


def test_species_by_technique(benzene):
    assert str(benzene.species("IR")) == "A2u + 3E1u"
    assert str(benzene.species("Raman")) == "2A1g + E1g + 4E2g"
    assert benzene.species("both").dimension == 0
    assert benzene.species("silent").dimension == 11
    with pytest.raises(SymvibError, match="'UV'"):
        benzene.species("UV")


def test_bad_input_is_refused():
    with pytest.raises(MoleculeError):
        point_group_report(EXAMPLES / "missing.xyz")


# ---------------------------------------------------------------------------------------------------- figures


def test_plot_returns_the_axes_it_was_given(benzene):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert benzene.plot(ax) is ax
    assert len(ax.patches) == 10 + 3  # a bar a species; IR, Raman and silent in the bar of all


def test_plot_without_vibrations_says_so(argon):
    assert "no vibrations" in argon.plot().texts[0].get_text()


def test_the_page_is_deterministic(benzene):
    assert benzene.to_html() == point_group_report(EXAMPLES / "benzene.xyz").to_html()


def test_elements_are_named_after_their_class(benzene):
    axes, every_axis = drawn_elements(benzene, "axes")
    planes, every_plane = drawn_elements(benzene, "planes")
    assert axes[0].label == "C6"
    assert every_axis
    assert {e.label for e in axes} == {"C6", "C2'", "C2''"}
    assert sorted(e.label for e in planes) == ["sigma_d", "sigma_h", "sigma_v"]
    assert not every_plane


@pytest.mark.parametrize("which", ["axes", "planes"])
def test_drawing_has_a_disc_for_each_atom(benzene, which):
    from matplotlib.patches import Circle

    discs = [patch for patch in draw_molecule(benzene, which).patches if isinstance(patch, Circle)]
    assert len(discs) == 2 * 12  # disc and gleam


def test_writing_through_a_link_keeps_the_link(tmp_path):
    target, link = tmp_path / "real.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
