"""Which runs there are, how they are made, kept and found."""
