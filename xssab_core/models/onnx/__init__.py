"""Recognisers in ONNX format: as differentiable networks where that is possible, else as black boxes."""
