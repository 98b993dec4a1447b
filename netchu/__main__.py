"""`python -m netchu`, and `torchrun -m netchu train ...`."""

from netchu.cli import main

main()
