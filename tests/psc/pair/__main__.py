"""`python -m tests.psc.pair`: the packages of the independent provider, once per lock."""

import sys

from tests.psc.pair import install

sys.exit(install())
