"""Long work: who does the tasks, how long the rest will take, and what is kept of it."""
