"""What makes the engine fast, each as a switch: all are on; the benchmarks switch them off one by one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Techniques:
    """Which of them are used. None changes what is computed, but for rounding and the draws of dropout."""

    own_forward: bool = True
    """Our forward pass where the model is BERT-shaped, else that of transformers."""
    first_token_only: bool = True
    """The last layer computes what the classifier reads: the first token."""
    compact_vocabulary: bool = True
    """Only the word vectors that the data uses are trained."""
    length_buckets: bool = True
    """Rows of about equal length share a batch."""
    activation_cache: bool = True
    """What frozen layers give is computed once."""
    cuda_graphs: bool = True
    """On CUDA a whole step is one recorded graph."""
