"""From image files to embeddings, scores and the thresholds that follow from them."""
