"""Answers: a trained run classifies texts, from a verified ONNX graph where there is one, else from torch."""
