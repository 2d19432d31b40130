"""LFW, Patch-LFW, DPR and the numbers they give."""
