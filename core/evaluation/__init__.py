"""Scores and what they are compared with: metrics, baselines, predictions, the model card."""
