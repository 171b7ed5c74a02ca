"""Time that a user waits before anything happens: import, and one report from the shell. Medians of 7 runs."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from _tables import Table, arguments, show

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
    medians = {}
    for name, command in COMMANDS.items():
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        medians[name] = statistics.median(times)
    rows = [[name, f"{median:.3f}", f"{median / medians['import numpy']:.1f}"] for name, median in medians.items()]
    table = Table("Start", ["command", "s", "times import numpy"], rows, "Medians of 7 whole processes.")
    show([table], arguments(__doc__).parse_args().json)


if __name__ == "__main__":
    main()
