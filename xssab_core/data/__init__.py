"""LFW, its pairs, the faces found in its images and their crops."""
