"""D-LinOSS against attention of equal width: times, ratios, growth with the length, memory, on one CPU thread.

Run: python benchmarks/dlinoss.py [--quick]. Peer: torch's scaled_dot_product_attention (flash kernel on a CPU, nothing
of the size length^2 is stored) with its projections q, k, v, o, causal beside one direction, full beside both. As many
oscillators a direction as channels, so that both directions have the 4 width^2 weights of attention. All
operators of a row run in turns in one process; medians. Memory: peak resident size of a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from _tables import Table, arguments, show
from torch import Tensor, nn
from torch.nn import functional

from symvib.spektron.dlinoss import DLinOSS

WIDTH, HEADS = 128, 4
LENGTHS, QUICK_LENGTHS = (76, 512, 2048, 8192, 32768), (76, 256)
POSITIONS = 8192  # in a batch, at least: short sequences alone would time the calls, not the work
FITTED_FROM = 512
OPERATORS = ("attention", "chunked", "fft", "scan")
ROUNDS = 7


class Attention(nn.Module):
    """Self-attention with its four projections and no bias: (batch, length, WIDTH) to the same."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.project = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        """Outputs of all heads, mixed."""
        q, k, v = self.project(u).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(heads.transpose(1, 2).flatten(2))


def operator(name: str, both: bool) -> nn.Module:
    """Attention, or a D-LinOSS layer with the evaluator of that name."""
    torch.manual_seed(0)
    return Attention(not both) if name == "attention" else DLinOSS(WIDTH, WIDTH, bidirectional=both, evaluator=name)


def passes(layer: nn.Module, length: int, backward: bool) -> Callable[[], None]:
    """What is timed: forward without a graph, or forward and backward to the input and all weights."""
    u = torch.randn(max(1, POSITIONS // length), length, WIDTH, generator=torch.Generator().manual_seed(length))

    def forward() -> None:
        with torch.no_grad():
            layer(u)

    def forward_and_backward() -> None:
        layer.zero_grad()
        layer(u.clone().requires_grad_()).square().mean().backward()

    return forward_and_backward if backward else forward


def medians(works: dict[str, Callable[[], None]], budget_s: float) -> dict[str, float]:
    """Median seconds of processor time of each, in turns; after the budget no other round is begun."""
    times: dict[str, list[float]] = {name: [] for name in works}
    start = time.perf_counter()
    for _ in range(ROUNDS + 1):
        for name, work in works.items():
            before = time.process_time()
            work()
            times[name].append(time.process_time() - before)
        if time.perf_counter() - start > budget_s:
            break
    return {name: statistics.median(found[1:] or found) for name, found in times.items()}  # the first warms up


def positions(length: int) -> int:
    """Positions in a batch of sequences of that length."""
    return max(1, POSITIONS // length) * length


def peak_mb(name: str, both: bool, length: int) -> float:
    """Growth of the peak resident size by one forward and backward pass, MB, in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", json.dumps([name, both, length])]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"memory of {name} at {length}: {run.stderr or run.returncode}")
    return float(run.stdout)


def peaks_mb(lengths: tuple[int, ...]) -> dict[tuple[str, int], float | None]:
    """`peak_mb` in both directions by (operator, length), None where it is not tried.

    That is where, scaled up from the length before, it would take more than half of the free memory.
    """
    found: dict[tuple[str, int], float | None] = {}
    for name in OPERATORS:
        scaled = 0.0
        for k, length in enumerate(lengths):
            free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
            peak = None if scaled > free / 2 else peak_mb(name, True, length)
            found[name, length] = peak
            if k + 1 < len(lengths):
                scaled = (scaled if peak is None else 1.2 * peak) * positions(lengths[k + 1]) / positions(length)
    return found


def print_memory(name: str, both: bool, length: int) -> None:
    """What the process of `peak_mb` does: the peak (Linux) is set back to the present size before."""
    work = passes(operator(name, both), length, True)
    passes(operator(name, both), 128, True)()  # libraries and threads are there
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_peak_mb()
    work()
    print(resident_peak_mb() - before)


def resident_peak_mb() -> float:
    """Peak resident size of this process, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(
    lengths: tuple[int, ...], beyond: set[tuple[str, int]], budget_s: float
) -> dict[tuple[int, bool, bool], dict[str, float]]:
    """Seconds of the operators by (length, both directions, backward); what is beyond memory is left out."""
    found = {}
    for length in lengths:
        names = [name for name in OPERATORS if (name, length) not in beyond]
        for both in (False, True):
            layers = {name: operator(name, both) for name in names}
            for backward in (False, True):
                works = {name: passes(layer, length, backward) for name, layer in layers.items()}
                found[length, both, backward] = medians(works, budget_s)
    return found


def case_name(both: bool, backward: bool) -> tuple[str, str]:
    """Cells that name a case."""
    return "both" if both else "one", "forward + backward" if backward else "forward"


def time_rows(found: dict[tuple[int, bool, bool], dict[str, float]]) -> list[list[str]]:
    """Milliseconds per sequence and ratios to attention."""
    rows = []
    for (length, both, backward), seconds in found.items():
        batch = max(1, POSITIONS // length)
        cells = [f"{1e3 * seconds[n] / batch:.3g}" if n in seconds else "beyond memory" for n in OPERATORS]
        ratios = [
            f"{seconds['attention'] / seconds[n]:.2f}" if {n, "attention"} <= seconds.keys() else ""
            for n in OPERATORS[1:]
        ]
        rows.append([str(length), *case_name(both, backward), *cells, *ratios])
    return rows


def exponent(found: dict[tuple[int, bool, bool], dict[str, float]], name: str, both: bool, backward: bool) -> str:
    """P of time per sequence ~ length^p by least squares on logarithms, from FITTED_FROM on."""
    points = [
        (length, seconds[name] / max(1, POSITIONS // length))
        for (length, *case), seconds in found.items()
        if case == [both, backward] and name in seconds and length >= FITTED_FROM
    ]
    if len(points) < 3:
        return ""
    logarithms = np.log(np.array(points))
    return f"{np.polyfit(logarithms[:, 0], logarithms[:, 1], 1)[0]:.2f}"


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="two short lengths and no memory: for the tests")
    parser.add_argument("--memory-of", metavar="CASE", help="one case in this process: used by the program itself")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.memory_of:
        print_memory(*json.loads(chosen.memory_of))
        return
    lengths = QUICK_LENGTHS if chosen.quick else LENGTHS
    memory = {} if chosen.quick else peaks_mb(lengths)
    beyond = {case for case, peak in memory.items() if peak is None}
    found = measured(lengths, beyond, 0.1 if chosen.quick else 5.0)
    ratios = [f"attention / {name}" for name in OPERATORS[1:]]
    header = ["length", "directions", "pass", *(f"{name} ms" for name in OPERATORS), *ratios]
    notes = (
        f"Width {WIDTH}, {HEADS} heads, {WIDTH} oscillators a direction, float32, torch {torch.__version__}, one "
        f"thread, processor time per sequence in batches of max(1, {POSITIONS} // length). Above 1: D-LinOSS faster. "
        "The source of the architecture states 1.8 at 2048 and 7 at 8192."
    )
    times = Table("D-LinOSS against attention: time", header, time_rows(found), notes)
    rows = []
    for name in OPERATORS:
        fits = [exponent(found, name, both, backward) for both in (False, True) for backward in (False, True)]
        peaks = [memory[name, length] for length in lengths] if memory else []
        rows.append([name, *fits, *("beyond memory" if p is None else f"{p:.0f}" for p in peaks)])
    header = ["operator", *(", ".join(case_name(a, b)) for a in (False, True) for b in (False, True))]
    header += [f"MB at {length}" for length in lengths] if memory else []
    notes = (
        f"Exponent p of time ~ length^p, lengths from {FITTED_FROM} on, by direction and pass. MB: growth of the peak "
        "resident size of a process by one forward + backward pass of the batch, both directions."
    )
    show([times, Table("D-LinOSS against attention: growth and memory", header, rows, notes)], chosen.json)


if __name__ == "__main__":
    main()
