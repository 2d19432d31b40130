"""Training of the parts that methods need for each model."""
