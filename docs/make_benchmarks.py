"""Run the programs in benchmarks/ and write docs/benchmarks.md: `make bench`, python docs/make_benchmarks.py [NAME...]

Each runs in a process of its own, one after the other. With names only those run, and are printed; with
--add they are written into the page, whose other tables stay.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from symvib.groups.atomic_write import write_text
from symvib.groups.table_format import markdown_table

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    "detection",
    "tables",
    "startup",
    "b_matrix",
    "normal_modes",
    "jacobian",
    "xtb_response",
    "certificate",
    "survey",
    "dlinoss",
    "rendering",
)
PACKAGES = (
    "numpy",
    "scipy",
    "tblite",
    "geometric",
    "ase",
    "pymatgen",
    "pymsym",
    "molsympy",
    "libmolsymm",
    "python-flint",
    "sympy",
    "torch",
)


def tables_of(name: str) -> tuple[list[dict[str, Any]], float]:
    """The tables that a benchmark prints, and the load average just before it."""
    load = os.getloadavg()[0]
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"benchmarks/{name}.py failed:\n{run.stderr.strip()}")
    return json.loads(run.stdout.strip().splitlines()[-1]), load


def section(table: dict[str, Any]) -> str:
    """A table as Markdown, with its notes."""
    body = markdown_table(table["header"], table["rows"], len(table["header"]))
    return f"## {table['title']}\n\n{body}\n\n{wrapped(table['notes'])}\n"


def wrapped(text: str) -> str:
    """A paragraph in lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def machine() -> str:
    """Processor, number of cores, system, versions."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = found[0] if found else cpu
    packages = []
    for package in PACKAGES:
        try:
            packages.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, {', '.join(packages)}"
    )


def page(sections: list[str], loads: list[float]) -> str:
    """The whole page."""
    cores = os.cpu_count() or 1
    busy = (
        f" The machine was not idle: other processes, at whatever priority, share the {cores} cores where the load is "
        "near or above their number. CPU times and ratios of runs taken in turns suffer less from that than wall times."
        if max(loads) > cores / 2
        else ""
    )
    origin = (
        "Written by `make bench` (`docs/make_benchmarks.py`); every number is printed by a program in "
        "[benchmarks/](../benchmarks), whose first lines say what is timed and how."
    )
    facts = (
        f"{datetime.now(UTC):%d %B %Y}. {machine()}. Threads of BLAS and OpenMP: 1. Load average (1 min) "
        f"before each program: {', '.join(f'{load:.1f}' for load in loads)}.{busy}"
    )
    return "\n\n".join(["# Speed", wrapped(origin), wrapped(facts), "\n".join(sections)])


def with_new(old: str, sections: list[str]) -> str:
    """The page with sections replaced, by their titles, or added at the end."""
    head, *rest = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    kept = {part.splitlines()[0]: part.rstrip("\n") + "\n" for part in (*rest, *sections)}
    return head + "\n".join(kept.values())


def main() -> None:
    """Run, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME")
    parser.add_argument("--add", action="store_true", help="write the tables of NAME into the page, the others stay")
    options = parser.parse_args()
    names = options.names
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    sections, loads = [], []
    for name in names or NAMES:
        print(f"benchmarks/{name}.py", file=sys.stderr)
        tables, load = tables_of(name)
        sections += [section(table) for table in tables]
        loads.append(load)
        if options.add:
            sections[-1] += f"\nThese of {datetime.now(UTC):%d %B %Y}, load average before them {load:.1f}.\n"
    path = ROOT / "docs" / "benchmarks.md"
    if names and not options.add:
        print("\n".join(sections))
        return
    write_text(path, with_new(path.read_text(encoding="utf-8"), sections) if names else page(sections, loads))
    print("written: docs/benchmarks.md")


if __name__ == "__main__":
    main()
