"""Long runs: who does the tasks, and how long the rest will take."""
