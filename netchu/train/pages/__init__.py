"""Training the line finder: real pages bent and cut, pages drawn, the loop, and the model file that comes of it."""
