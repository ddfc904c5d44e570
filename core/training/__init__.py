"""Training: the facts it yields, the loop, the optimiser, the device, and the session that ties them to a run."""
