"""How far a map deserves belief: what is measured, and what may be said of it."""
