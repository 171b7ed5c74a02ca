"""What spectra determine: verdicts per species, three routes to every rank, isotopologues, blind, noise, refusals."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import least_squares

from helpers import molecule_of
from symvib.errors import CoordinateError, IdentifiabilityError
from symvib.forward.dataset_files import shipped_dataset
from symvib.forward.force_constants import SQRT_MDYN_PER_ANGSTROM_U_IN_CM1
from symvib.forward.force_field import GeneralForceField
from symvib.forward.internals import InternalCoordinate, InternalCoordinates
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_blocks import response_blocks
from symvib.forward.symmetry_coordinates import symmetry_coordinates
from symvib.forward.valence_models import DiagonalForceField, ValenceForceField
from symvib.groups.detection import detect_point_group
from symvib.groups.molecule import Molecule
from symvib.groups.report import point_group_report
from symvib.theory._generic_response import generic_response
from symvib.theory._numeric_ranks import packed
from symvib.theory._parametrisation import general_parametrisation, natural_scales
from symvib.theory._views import isotopologue_coordinates
from symvib.theory.identifiability import identify
from symvib.theory.noise import Noise
from symvib.theory.null_space_words import null_space_words
from zoo import ZOO_BY_NAME

WATER = Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]], name="water")
AMMONIA = Molecule.from_arrays(
    [7, 1, 1, 1], [[0, 0, 0.11], *([0.94 * np.cos(a), 0.94 * np.sin(a), -0.27] for a in 2 * np.pi / 3 * np.arange(3))]
)
FORMALDEHYDE = Molecule.from_arrays([6, 8, 1, 1], [[0, 0, 0], [0, 0, 1.21], [0, 0.94, -0.59], [0, -0.94, -0.59]])
METHANE = Molecule.from_arrays(
    [6, 1, 1, 1, 1], 0.63 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
)
NAMED = {"water": WATER, "ammonia": AMMONIA, "formaldehyde": FORMALDEHYDE, "methane": METHANE}


def molecule(name):
    if name in NAMED:
        return NAMED[name]
    entry = ZOO_BY_NAME[name]
    return molecule_of(entry.symbols, entry.positions)


# (n, rank, unknowns, verdict) of every species
VERDICTS = {
    "water": {"A1": (2, 3, 3, "unique"), "B2": (1, 1, 1, "unique")},
    "ammonia": {"A1": (2, 3, 3, "unique"), "E": (2, 3, 3, "unique")},
    "formaldehyde": {"A1": (3, 6, 6, "locally unique"), "B1": (1, 1, 1, "unique"), "B2": (2, 3, 3, "unique")},
    "methane": {"A1": (1, 1, 1, "unique"), "E": (1, 1, 1, "unique"), "T2": (2, 3, 3, "unique")},
    "benzene": {
        "A1g": (2, 3, 3, "unique"),
        "A2g": (1, 0, 1, "silent"),
        "B2g": (2, 0, 3, "silent"),
        "E1g": (1, 1, 1, "unique"),
        "E2g": (4, 7, 10, "family"),
        "A2u": (1, 1, 1, "unique"),
        "B1u": (2, 0, 3, "silent"),
        "B2u": (2, 0, 3, "silent"),
        "E1u": (3, 5, 6, "family"),
        "E2u": (2, 0, 3, "silent"),
    },
    "cubane": {
        "A1g": (2, 3, 3, "finite"),
        "Eg": (2, 3, 3, "finite"),
        "T1g": (1, 0, 1, "silent"),
        "T2g": (4, 7, 10, "family"),
        "A2u": (2, 0, 3, "silent"),
        "Eu": (2, 0, 3, "silent"),
        "T1u": (3, 5, 6, "family"),
        "T2u": (2, 0, 3, "silent"),
    },
    "SF6": {
        "A1g": (1, 1, 1, "unique"),
        "Eg": (1, 1, 1, "unique"),
        "T2g": (1, 1, 1, "unique"),
        "T1u": (2, 3, 3, "finite"),
        "T2u": (1, 0, 1, "silent"),
    },
    "Ni(CO)4": {
        "A1": (2, 3, 3, "finite"),
        "E": (2, 3, 3, "finite"),
        "T1": (1, 0, 1, "silent"),
        "T2": (4, 9, 10, "family"),
    },
    "CH3-CF3 half rotated": {"A": (6, 18, 21, "family"), "E": (6, 16, 36, "family")},
    "tetrahydroxycyclobutadiene pinwheel": {
        "Ag": (5, 12, 15, "family"),
        "Bg": (6, 11, 21, "family"),
        "Eg": (2, 3, 4, "family"),
        "Au": (2, 3, 3, "finite"),
        "Bu": (3, 0, 6, "silent"),
        "Eu": (5, 9, 25, "family"),
    },
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict_of_every_species(name):
    result = identify(molecule(name))
    found = {irrep: (b.n, b.exact_rank, b.unknowns, b.verdict) for irrep, b in result.blocks.items()}
    assert found == VERDICTS[name]
    for block in result.blocks.values():
        assert block.rank == block.exact_rank
        assert block.gap > 1e3
        assert len(block.singular_values) == block.unknowns
        by_theorem = block.verdict in ("silent", "family") or block.n == 1
        assert block.evidence == ("proved" if by_theorem else "certified")
    family = any(b.verdict in ("silent", "family") for b in result.blocks.values())
    assert (result.verdict == "family") == family
    assert result.rank == result.exact_rank == sum(b.rank for b in result.blocks.values())


def test_complex_pairs_have_hermitian_blocks():
    blocks = identify(molecule("CH3-CF3 half rotated")).blocks
    assert (blocks["E"].kind, blocks["E"].unknowns) == ("complex", blocks["E"].n ** 2)
    assert blocks["A"].kind == "real"


def computed(groups, per_group, largest=10):
    """Trusted molecules of the shipped survey: the smallest of each point group."""
    data = shipped_dataset("responses_survey_gfn2").trusted()
    found = []
    for group in groups:
        rows = [i for i, g in enumerate(data.column("point_group")) if g == group]
        sizes = {i: len(data.molecule(i)) for i in rows}
        chosen = sorted((i for i in rows if sizes[i] <= largest), key=lambda i: (sizes[i], i))[:per_group]
        found += [pytest.param(i, id=f"{group}-{data.molecule(i).formula}") for i in chosen]
    return found


REAL = computed(("C1", "Cs", "C2", "C2v", "C2h", "C3v", "D3h", "D2h", "D2d", "Td"), 6)


@pytest.mark.parametrize("row", REAL)
def test_three_routes_agree_on_computed_molecules(row):
    """Singular values, finite field and counting rule for fifty molecules of ten groups."""
    data = shipped_dataset("responses_survey_gfn2").trusted()
    result = identify(data.response(row))
    for block in result.blocks.values():
        assert block.rank == block.exact_rank == min(block.unknowns, block.independent)
        assert block.gap > 1e3
    assert result.derivatives.startswith("GFN2")


def test_there_are_fifty():
    assert len(REAL) >= 50


class TestObservables:
    def test_fewer_observables_determine_less(self):
        ranks = [
            identify(FORMALDEHYDE, names).rank
            for names in (("freq",), ("freq", "ir"), ("freq", "ir", "raman"), ("freq", "ir", "raman", "rho"))
        ]
        assert ranks == sorted(ranks)
        assert ranks[0] == 6
        assert ranks[-1] == 10

    def test_without_raman_its_species_are_silent(self):
        blocks = identify(molecule("SF6"), ("freq", "ir")).blocks
        assert {irrep for irrep, b in blocks.items() if b.verdict == "silent"} == {"A1g", "Eg", "T2g", "T2u"}

    def test_line_positions_alone_are_those_of_both_spectra(self):
        blocks = identify(molecule("SF6"), ("freq",)).blocks
        assert {irrep for irrep, b in blocks.items() if b.verdict == "silent"} == {"T2u"}

    def test_raman_activity_alone_is_one_intensity(self):
        alone = identify(WATER, ("freq", "raman")).blocks["A1"]
        assert dict(alone.intensity_ranks) == {"raman": 2}
        assert identify(WATER, ("freq", "raman", "rho")).blocks["A1"].nominal == 6


class TestModels:
    def test_a_general_field_as_a_custom_one_gives_the_same_ranks(self):
        custom = GeneralForceField.of(FORMALDEHYDE)
        ours, theirs = identify(FORMALDEHYDE), identify(FORMALDEHYDE, force_field=custom)
        assert {k: (b.unknowns, b.rank, b.exact_rank) for k, b in theirs.blocks.items()} == {
            k: (b.unknowns, b.rank, b.exact_rank) for k, b in ours.blocks.items()
        }

    def test_redundant_constants_are_counted_once(self):
        result = identify(molecule("benzene"), force_field="valence")
        assert (result.n_constants, result.unknowns) == (25, 16)
        assert result.rank == result.exact_rank == 14

    def test_shared_constants_determine_silent_blocks(self):
        blocks = identify(molecule("benzene"), force_field="diagonal").blocks
        assert blocks["A2g"].rank == blocks["A2g"].exact_rank == 1
        assert not blocks["A2g"].visible
        assert blocks["A2g"].verdict == "locally unique"

    def test_constants_of_a_custom_field_are_where_the_derivative_is_taken(self):
        field = DiagonalForceField.of(WATER).with_parameters([8.4, 0.7])
        softer = DiagonalForceField.of(WATER).with_parameters([8.4, 0.2])
        first, second = (identify(WATER, force_field=f).singular_values for f in (field, softer))
        assert np.abs(first / second - 1).max() > 0.01

    def test_any_object_with_the_protocol(self):
        field = ValenceForceField.of(FORMALDEHYDE)
        bare = SimpleNamespace(
            **{k: getattr(field, k) for k in ("internals", "n_parameters", "parameters", "labels", "basis")},
            matrix=field.matrix,
        )
        result = identify(FORMALDEHYDE, force_field=bare)
        assert result.rank == identify(FORMALDEHYDE, force_field=field).rank


class TestIsotopologues:
    def test_product_rule_is_lost(self):
        """Two isotopologues, line positions only: n + n - 1 of a block (Teller-Redlich)."""
        result = identify(molecule("benzene"), ("freq",), isotopologues=[{"H": 2}])
        assert result.blocks["A1g"].rank == result.blocks["A1g"].exact_rank == 3
        assert result.blocks["E2g"].rank == result.blocks["E2g"].exact_rank == 7
        assert result.isotopologues == ("D at 7-12",)

    def test_deuteration_completes_the_blocks_that_are_seen(self):
        result = identify(molecule("benzene"), isotopologues=[{"H": 2}])
        assert result.blocks["E2g"].exact_rank == result.blocks["E2g"].unknowns == 10
        assert result.blocks["E2g"].evidence == "numerical"
        assert result.blocks["B1u"].verdict == "silent"

    def test_a_substitution_that_lowers_the_symmetry_shows_silent_blocks(self):
        kept = identify(molecule("SF6"), isotopologues=[{"S": 34}])
        assert kept.blocks["T2u"].verdict == "silent"
        lowered = identify(molecule("benzene"), isotopologues=[{6: 2}])
        assert lowered.blocks["B1u"].rank == lowered.blocks["B1u"].exact_rank > 0

    @pytest.mark.parametrize(("name", "made"), [("benzene", {6: 2}), ("benzene", {0: 13}), ("cubane", {8: 2})])
    def test_relations_between_isotopologues_are_not_lost_to_rounding(self, name, made):
        """One substituted atom changes G by a matrix of low rank; exact ranks of each rounded G miss a relation."""
        result = identify(molecule(name), ("freq", "ir"), isotopologues=[made])
        assert result.rank <= result.exact_rank
        assert result.evidence != "certified"
        for block in result.blocks.values():
            assert block.evidence in ("numerical", "proved")
            if block.rank < block.unknowns:
                assert block.verdict in ("family", "silent")

    def test_one_deuterium_leaves_a_relation_in_the_positions(self):
        """Radial and tangential displacement of one H are of rank one each in E2g: 4 + 3 + 3 - 1 of 10."""
        result = identify(molecule("benzene"), ("freq",), isotopologues=[{6: 2}])
        assert (result.blocks["E2g"].rank, result.blocks["E2g"].verdict) == (9, "family")
        assert (result.rank, result.unknowns) == (33, 34)
        assert "rounding broke a relation" in str(result)

    def test_a_block_seen_only_in_an_isotopologue_is_not_proved(self):
        block = identify(molecule("benzene"), ("freq",), isotopologues=[{6: 2}]).blocks["A2g"]
        assert (block.rank, block.evidence, block.blind.evidence) == (1, "numerical", "numerical")

    def test_the_most_symmetric_one_is_the_molecule(self):
        with pytest.raises(IdentifiabilityError, match="most symmetric"):
            identify(WATER.with_isotopes({1: 2}), isotopologues=[{1: 1}])

    def test_more_data_do_not_weaken_a_verdict(self):
        alone, more = identify(FORMALDEHYDE), identify(FORMALDEHYDE, isotopologues=[{"H": 2}])
        for irrep, block in alone.blocks.items():
            assert (more.blocks[irrep].verdict, more.blocks[irrep].evidence) == (block.verdict, block.evidence)
        assert more.rank == 10

    def test_blind_ranks_grow_with_isotopologues(self):
        one, two = identify(WATER), identify(WATER, isotopologues=[{"H": 2}])
        assert one.blind.rank == 3
        assert one.blocks["A1"].blind.verdict == "family"
        assert two.blind.rank == two.unknowns == 4

    def test_blind_is_no_more_than_seeing(self):
        result = identify(molecule("benzene"), isotopologues=[{"H": 2}])
        for block in result.blocks.values():
            assert block.blind.rank <= block.rank

    def test_a_shared_parametrisation_gives_the_blocks_of_the_isotopologue(self):
        """The restriction of shared constants equals the block of F, for a substitution that merges species."""
        coordinates = symmetry_coordinates(WATER)
        rng = np.random.default_rng(3)
        general = GeneralForceField.of(coordinates)
        field = general.with_parameters(rng.standard_normal(general.n_parameters)).matrix()
        constants = general_parametrisation(coordinates, np.eye(len(field)) + field @ field)
        hod = WATER.with_isotopes({1: 2})
        found = isotopologue_coordinates(SimpleNamespace(molecule=hod), coordinates)
        (block,) = [b for b in found.blocks if b.n_levels == 3]
        matrices = np.concatenate([packed(b.restrict(field)[None])[0] for b in coordinates.blocks])
        expected = packed(block.restrict(field)[None])[0]
        basis = packed(constants.restricted(block.coefficients[0]))
        assert np.abs(matrices @ basis - expected).max() < 1e-12


class TestBlind:
    def test_one_isotopologue_leaves_the_levels(self):
        for block in identify(molecule("benzene")).blocks.values():
            assert block.blind.rank == (block.n if block.visible else 0)

    @pytest.mark.parametrize("model", ["diagonal", "valence", "urey-bradley"])
    def test_no_more_than_seeing_or_than_there_is(self, model):
        result = identify(molecule("benzene"), force_field=model)
        assert result.blind.rank <= result.rank <= result.unknowns


class TestStandIn:
    @pytest.mark.parametrize("name", ["formaldehyde", "benzene", "allene", "B(OH)3"])
    def test_every_vibration_has_a_spring(self, name):
        """A stand-in Hessian without out-of-plane terms made constants of planar centres vanish."""
        response = generic_response(detect_point_group(molecule(name)), seed=0)
        assert normal_modes(response).wavenumbers_cm1.min() > 100
        errors = identify(molecule(name), noise=True).noise.standard_errors
        assert errors[np.isfinite(errors)].max() < 100


class TestAccidents:
    def test_derivatives_that_vanish_are_no_data(self):
        """HCN whose dipole does not change: only Raman is left."""
        data = shipped_dataset("responses_survey_gfn2")
        response = data.response(data.column("point_group").index("Cinfv"))
        gone = replace(response, dipole_derivatives=0 * response.dipole_derivatives)
        for block in identify(gone).blocks.values():
            assert "ir" not in block.intensity_ranks

    def test_proportional_derivatives_are_not_called_independent(self):
        """Where mean polarizability and dipole move together, two intensities are one."""
        heights = [[0, 0, z] for z in (-2.9, -1.84, -0.63, 0.74, 1.9)]
        response = generic_response(detect_point_group(Molecule.from_arrays([1, 6, 6, 6, 7], heights)), seed=0)
        assert identify(response).blocks["Sigma+"].rank == 10
        alpha = np.einsum("ij,k->ijk", np.eye(3), response.dipole_derivatives[2])
        block = identify(replace(response, polarizability_derivatives=alpha)).blocks["Sigma+"]
        assert (block.n, block.rank, block.unknowns) == (4, 7, 10)
        assert block.verdict == "family"

    def test_the_symmetry_given_is_kept(self):
        rng = np.random.default_rng(0)
        exact = molecule("benzene")
        noisy = Molecule.from_arrays(exact.numbers, exact.positions + 0.03 * rng.standard_normal((12, 3)))
        loose = detect_point_group(noisy, 0.4)
        assert loose.point_group.label == "D6h"
        assert identify(loose).point_group.label == "D6h"
        assert identify(noisy, tolerance=0.4).rank == 17


class TestNoise:
    def test_standard_errors_scale_with_the_noise(self):
        errors = identify(WATER, noise=Noise()).noise.standard_errors
        twice = identify(WATER, noise=Noise(1.0, 0.1, 0.002, 0.04)).noise.standard_errors
        assert np.isfinite(errors).all()
        np.testing.assert_allclose(twice, 2 * errors, rtol=1e-9)

    def test_what_is_not_determined_has_no_standard_error(self):
        report = identify(molecule("SF6"), noise=True).noise
        known = dict(zip(report.labels, np.isfinite(report.standard_errors), strict=True))
        assert not any(yes for label, yes in known.items() if label.startswith("T2u"))
        assert all(yes for label, yes in known.items() if not label.startswith("T2u"))
        assert 0 < report.effective_rank <= 6

    def test_matches_differences_of_the_normal_modes(self):
        """One constant, one line: its error is that of the wavenumber and the intensity says nothing."""
        hydrogen = Molecule.from_arrays([1, 1], [[0, 0, 0], [0, 0, 0.741]])
        spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
        response = HarmonicResponse(hydrogen, spring)
        wavenumber = normal_modes(response).wavenumbers_cm1[0]
        (error,) = identify(response, ("freq",), noise=True).noise.standard_errors
        assert error == pytest.approx(2 * 0.5 / wavenumber)  # d ln F = 2 d ln nu


class TestCramerRao:
    """Standard errors against a fit of simulated noisy spectra, by code that knows nothing of the Jacobian."""

    @staticmethod
    def spectrum(blocks, constants):
        """Wavenumbers, IR, Raman activities, and rho where it varies, of blocks with these upper triangles."""
        parts = {"nu": [], "ir": [], "raman": [], "rho": []}
        start = 0
        for block in blocks:
            g = np.asarray(block.g)
            size = len(g)
            f = np.zeros((size, size))
            upper = np.triu_indices(size)
            f[upper] = constants[start : start + len(upper[0])]
            start += len(upper[0])
            f = f + np.triu(f, 1).T
            root = np.linalg.cholesky(g)
            values, vectors = np.linalg.eigh(root.T @ f @ root)
            modes = root @ vectors
            squares = {k: ((np.asarray(p).T @ modes) ** 2).sum(axis=0) for k, p in block.intensities.items()}
            iso, aniso = (squares.get(f"raman_{k}", np.zeros(size)) for k in ("isotropic", "anisotropic"))
            parts["nu"].append(SQRT_MDYN_PER_ANGSTROM_U_IN_CM1 * np.sqrt(values))
            parts["ir"].append(squares["ir"])
            parts["raman"].append(45 * iso + 7 * aniso)
            if "raman_isotropic" in squares:
                parts["rho"].append(3 * aniso / (45 * iso + 4 * aniso))
        return {kind: np.concatenate(found) for kind, found in parts.items()}

    def test_scatter_of_fitted_constants(self):
        response = shipped_dataset("responses_survey_gfn2").response("qm9-000003")
        blocks = response_blocks(response)
        noise = Noise(wavenumber_cm1=2.0, intensity_relative=0.02, intensity_floor=1e-6, rho=0.01)
        report = identify(response, noise=noise).noise
        truth = np.concatenate([np.asarray(b.f)[np.triu_indices(len(b.f))] for b in blocks])
        scales = np.concatenate([natural_scales(np.asarray(b.f)) for b in blocks])
        exact = self.spectrum(blocks, truth)
        sigma = {
            "nu": np.full(3, noise.wavenumber_cm1),
            "ir": noise.intensity_relative * exact["ir"],
            "raman": noise.intensity_relative * exact["raman"],
            "rho": np.full(len(exact["rho"]), noise.rho),
        }
        rng = np.random.default_rng(1)
        fitted = []
        for _ in range(400):
            data = {k: v + sigma[k] * rng.standard_normal(len(v)) for k, v in exact.items()}

            def misfit(x, data=data):
                found = self.spectrum(blocks, x * scales)
                return np.concatenate([(found[k] - data[k]) / sigma[k] for k in data])

            fitted.append(least_squares(misfit, truth / scales, x_scale=1e-3).x)
        np.testing.assert_allclose(np.std(fitted, axis=0), report.standard_errors, rtol=0.15)


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"observables": ("freq", "vcd")}, "unknown.*vcd"),
            ({"observables": ()}, "nothing is observed"),
            ({"observables": ("ir",)}, "add 'freq'"),
            ({"observables": ("freq", "rho")}, "add 'raman'"),
            ({"force_field": "morse"}, "choose from general"),
            ({"force_field": 3}, "ForceField is needed"),
            ({"isotopologues": [{"Cl": 37}]}, "no Cl"),
            ({"isotopologues": [{"H": 1}]}, "adds no data"),
            ({"isotopologues": [{"H": 2}, {1: 2, 2: 2}]}, "adds no data"),
            ({"isotopologues": {"H": 2}}, "a list is needed"),
            ({"isotopologues": [METHANE]}, "other atoms"),
            ({"isotopologues": [{"H": 77}]}, "isotopologue 1"),
            ({"noise": 0.5}, "Noise"),
            ({"observables": 5}, "names such as"),
            ({"isotopologues": 5}, "a list is needed"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_says_what_is_wrong(self, arguments, words):
        with pytest.raises(IdentifiabilityError, match=words):
            identify(WATER, **arguments)

    def test_an_atom(self):
        with pytest.raises(IdentifiabilityError, match="one atom"):
            identify(Molecule.from_arrays([18], [[0, 0, 0]]))

    def test_coordinates_that_miss_a_vibration(self):
        incomplete = InternalCoordinates([InternalCoordinate("stretch", (0, 1)), InternalCoordinate("stretch", (0, 2))])
        with pytest.raises(CoordinateError):
            identify(WATER, force_field=SimpleField(incomplete))

    def test_a_model_without_constants(self):
        with pytest.raises(IdentifiabilityError, match="no constant"):
            identify(WATER, force_field=SimpleField(symmetry_coordinates(WATER).internals))

    @pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
    def test_noise_has_to_be_positive(self, value):
        with pytest.raises(IdentifiabilityError, match="positive"):
            Noise(wavenumber_cm1=value)


class SimpleField:
    """A force field without constants."""

    n_parameters = 0
    parameters = np.zeros(0)
    labels = ()

    def __init__(self, internals):
        self.internals = internals
        self.basis = np.zeros((0, len(internals), len(internals)))

    def matrix(self):
        return np.zeros((len(self.internals), len(self.internals)))


@pytest.fixture(scope="module")
def result():
    return identify(molecule("SF6"), noise=True)


class TestPresentation:
    def test_json_round_trip(self, result):
        data = json.loads(result.to_json())
        assert data["blocks"]["T1u"]["verdict"] == "finite"
        assert data["rank"] == result.rank
        assert len(data["noise"]["standard_errors"]) == result.n_constants

    def test_text_shows_the_standard_errors_and_the_noise(self, result):
        text = str(result)
        assert "0.5 cm-1, 5 % of an intensity" in text
        assert text.count("not determined") == 1  # T2u
        assert "not determined" in result.to_html()

    def test_text_names_what_is_invisible(self, result):
        assert "T2u: the whole block (F-S-F bend) is invisible" in str(result)

    def test_as_a_section_of_the_report(self, result, tmp_path):
        report = point_group_report(result.molecule, sections=[result])
        page = tmp_path / "sf6.html"
        report.to_html(page)
        assert "What the spectra determine" in page.read_text()
        assert "data:image/svg+xml" in result.to_html()
        assert "| T2u" in result.to_markdown().replace("₂", "2")

    def test_names_from_outside_are_escaped(self):
        html = identify(Molecule.from_arrays(WATER.numbers, WATER.positions, name="<script>x</script>")).to_html()
        assert "<script>" not in html

    def test_plot_counts_the_singular_values(self, result):
        axes = result.plot()
        drawn = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
        assert drawn == result.unknowns

    def test_words_name_the_fewest_constants(self):
        rows = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, -4.0]])
        mixed = np.array([[1.0, 1.0], [1.0, -1.0]]) @ rows
        words = null_space_words("E", ["a", "b", "c", "d"], mixed, 2)
        assert sorted(words) == ["E: 0.45 a + 0.89 b is invisible", "E: 0.60 c - 0.80 d is invisible"]

    def test_a_large_null_space_is_counted_and_not_listed(self):
        assert null_space_words("A", ["a"] * 900, None, 700) == (
            "A: 700 combinations of its 900 constants are invisible (not listed)",
        )
