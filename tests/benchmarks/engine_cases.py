"""The cases: what is trained, by whom, and what the figures must and should be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.engine_work import Work


@dataclass(frozen=True, slots=True)
class Side:
    """One column of a comparison: an engine, and what it is told beyond the work."""

    name: str
    engine: str
    options: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    """Its own settings of the work (batch size, epochs, learning rate), where the case compares with a default."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must be and should be. `kind`: `times` as fast as `against`, `rate` in rows a second, `seconds`
    at most, `mfu` in per cent, `loss of F1` against `against` in points at most, `slower` in per cent at most."""

    kind: str
    side: str
    must: float
    aim: float | None = None
    against: str = ""

    @property
    def low_is_good(self) -> bool:
        """Whether the figure has an upper bound."""
        return self.kind in ("seconds", "loss of F1", "slower")

    def verdict(self, value: float) -> str:
        """`aim met`, `must met` or `missed`."""
        sign = -1 if self.low_is_good else 1
        if self.aim is not None and sign * value >= sign * self.aim:
            return "aim met"
        return "met" if sign * value >= sign * self.must else "missed"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table of cases. `sides` are measured in this order, round after round, the baseline first."""

    name: str
    title: str
    work: Work
    sides: tuple[Side, ...]
    targets: tuple[Target, ...] = ()
    how: str = "train"
    """`train`; `saved` and `until` count from the start of the process; `baseline`, `screen` and `ablation`."""
    gpu: bool = False
    minute: int | None = 200
    """Rows of a run of about a minute; None where less than the whole work says nothing."""
    accuracy: float = 0.0
    cores: int = 2

    def plain(self) -> dict[str, Any]:
        """For JSON; paths are left out, for they are of one machine."""
        work = asdict(self.work) | {"base": Path(self.work.base).name, "data": Path(self.work.train).parent.name}
        return {"title": self.title, "how": self.how, "gpu": self.gpu, "work": work}


OURS = Side("ours", "ours")
T0, T1, T2 = Side("T0", "T0"), Side("T1", "T1"), Side("T2", "T2")
SHORT = Work()
BERT = Work(base="", rows=67_349, max_length=128)

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(
            "C1",
            "MiniLM-L6 on SST-2 sentences, all weights trained, equal batches",
            SHORT,
            (T0, T1, OURS),
            (Target("times", "ours", 3.5, 4.5, "T0"), Target("times", "ours", 1.4, 1.8, "T1")),
            minute=300,
        ),
        Case(
            "C2",
            "the same against the loop of a notebook, padded to 256",
            SHORT,
            (T2, OURS),
            (Target("times", "ours", 30, 40, "T2"),),
            minute=96,
        ),
        Case(
            "C3",
            "lowest 4 of 6 layers frozen, their output cached",
            replace(SHORT, epochs=4, learning_rate=1e-4),
            (T0, OURS, Side("frozen", "ours", {"frozen_layers": 4, "cache": True})),
            (Target("times", "frozen", 7, 10, "T0"), Target("loss of F1", "frozen", 1.0, 0.0, "ours")),
            minute=100,
        ),
        Case(
            "C4",
            "start of the process to accuracy .85 on all of SST-2's dev sentences",
            replace(SHORT, rows=0, epochs=2, learning_rate=1e-4),
            (T1, Side("T1 as usual", "T1", own={"learning_rate": 5e-5, "epochs": 3}), OURS),
            (Target("times", "ours", 2, 4, "T1 as usual"), Target("times", "ours", 2, 4, "T1")),
            how="until",
            minute=None,
            accuracy=0.85,
        ),
        Case(
            "C8",
            "majority and TF-IDF baseline, with its imports",
            replace(SHORT, rows=10_000),
            (OURS,),
            (Target("seconds", "ours", 3, 1),),
            how="baseline",
            minute=10_000,
        ),
        Case(
            "U4",
            "the bundled sample trained while the screen watches, against training alone",
            replace(SHORT, rows=2376, batch_size=16),
            (Side("headless", "ours"), Side("watched", "ours")),
            (Target("slower", "watched", 5, 2, "headless"),),
            how="screen",
            minute=1188,
        ),
        Case(
            "G1",
            "BERT-base shape, SST-2's phrases, one GPU",
            BERT,
            (T1, OURS),
            (Target("rate", "ours", 8000, 13_000), Target("times", "ours", 5, 10, "T1")),
            gpu=True,
            minute=6400,
        ),
        Case(
            "G2",
            "the same against HF Trainer as it comes, which has batches of 8",
            BERT,
            (Side("T0", "T0", own={"batch_size": 8}), Side("T0 at 32", "T0"), OURS),
            (Target("times", "ours", 20, 40, "T0"),),
            gpu=True,
            minute=6400,
        ),
        Case(
            "G4",
            "BERT-base shape, documents of 24 to 512 tokens, mean 268, one GPU",
            replace(BERT, shape="long", rows=20_000, max_length=512),
            (T1, OURS),
            (Target("mfu", "ours", 40, 50), Target("times", "ours", 1.5, None, "T1")),
            gpu=True,
            minute=2000,
        ),
        Case(
            "G6",
            "start of the process to trained and saved, BERT-base shape, SST-2's phrases, one GPU",
            BERT,
            (T1, OURS),
            (Target("seconds", "ours", 25, 15),),
            how="saved",
            gpu=True,
            minute=6400,
        ),
        Case(
            "ablation",
            "C1's work with one technique switched off at a time",
            SHORT,
            (OURS,),
            how="ablation",
            minute=200,
        ),
    )
}


def with_switches(case: Case, switches: tuple[str, ...]) -> Case:
    """The ablation with one side more for every technique that is on by default."""
    sides = [Side(f"without {name}", "ours", {"switches": {name: False}}) for name in switches]
    return replace(case, sides=(*case.sides, *sides), how="train")
