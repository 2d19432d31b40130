"""What browsing a data set needs: the scores of all its pairs, which of them are meant, their thumbnails."""
