"""`python -m reverb_py`, the same as `reverb-py`."""

from reverb_py.cli import main

main()
