"""The model: what may be named as a base, how it is built, how texts become batches."""
