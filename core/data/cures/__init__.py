"""Cleaning rules as texts, `drop-class:nocode`: parsed, applied in order, what each one did counted.

A rule never touches the file, and stands in the run's configuration, so a command line repeats it.
"""

from core.data.cures.rules import CURES, Cure, apply_cures, catalogue, parse_cure

__all__ = ["CURES", "Cure", "apply_cures", "catalogue", "parse_cure"]
