"""Time to a character table, each in a fresh Python process (so imports and caches count).

Run: python benchmarks/tables.py
"""

import subprocess
import sys
import time

from _tables import Table, arguments, show

CASES = {"Ih": 0.5, "D30h": 1.0, "C60": 1.0, "S60": 1.0, "D6h": 0.5, "C2v": 0.5}  # label: aim in s
SCRIPT = "import symvib; t = symvib.character_table({!r}); t.functions; t.to_numpy()"


def best_of(n: int, code: str) -> float:
    """Shortest of ``n`` wall times (s) of a Python process that runs ``code``."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the times and whether the aims are met."""
    empty = best_of(3, "pass")
    rows = []
    for label, aim in CASES.items():
        seconds = best_of(3, SCRIPT.format(label))
        rows.append([label, f"{seconds:.3f}", f"{aim:.1f}", "met" if seconds < aim else "missed"])
    notes = f"Shortest of 3 whole processes each; an empty Python process takes {empty:.3f} s."
    show([Table("Character tables", ["group", "s", "aim", ""], rows, notes)], arguments(__doc__).parse_args().json)


if __name__ == "__main__":
    main()
