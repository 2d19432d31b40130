"""The benchmark: which pairs under which methods, who computes them, and the tables and figures that follow."""
