"""Pages: what is done with a picture of many lines, and how well it was done."""
