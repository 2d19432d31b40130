"""Case files: a finding that can be filed, and checked again."""
