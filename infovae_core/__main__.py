"""`python -m infovae_core …`."""

from infovae_core.cli import main

main()
