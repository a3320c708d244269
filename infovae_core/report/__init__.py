"""What only pages need: frames, intervals, words, tables, claims; figures in `figures`."""
