"""Replays: pixels put back in the order of a map, and the scores that follow."""
