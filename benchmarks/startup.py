"""Time that a user waits before anything happens: import, and one report from the shell. Medians of 7 runs."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "benzene.xyz"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import symvib": ["-c", "import symvib"],
    "symvib report benzene.xyz": ["-m", "symvib", "report", str(EXAMPLE)],
    "symvib table D6h": ["-m", "symvib", "table", "D6h"],
}


def main() -> None:
    """Print the table."""
    print(f"{'command':30s} {'median s':>9s} {'ratio to numpy':>15s}")
    reference = None
    for name, arguments in COMMANDS.items():
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        median = statistics.median(times)
        reference = median if name == "import numpy" else reference
        print(f"{name:30s} {median:9.3f} {median / reference if reference else float('nan'):15.2f}")


if __name__ == "__main__":
    main()
