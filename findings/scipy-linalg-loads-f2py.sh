#!/bin/sh
# Importing scipy.linalg of scipy 1.17.1 loads numpy.f2py of numpy 2.4.6, numpy's compiler for Fortran, and with it
# charset_normalizer, which guesses encodings, where that is installed. Expected: f2py builds extensions; numpy
# loads it only when somebody asks for it, and linear algebra does not. What is seen: 17 modules of it, as scipy's
# copy of numpy's names asks for each name, the lazy ones too. What it costs is printed: a quarter of the import.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    numpy==2.4.6 scipy==1.17.1 charset-normalizer==3.5.2
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import numpy


def loaded(package):
    parts = package.split(".")
    return sum(name.split(".")[: len(parts)] == parts for name in list(sys.modules))


both = ("numpy.f2py", "charset_normalizer")
print("after numpy:", {name: loaded(name) for name in both})
assert not any(loaded(name) for name in both)
import scipy.linalg

found = {name: loaded(name) for name in both}
print("after scipy.linalg:", found)
assert (scipy.linalg.inv(numpy.eye(2)) == numpy.eye(2)).all()

for said, first in (("", ""), (", numpy.f2py being there", ", numpy.f2py")):
    code = f"import time, numpy{first}; t = time.process_time(); import scipy.linalg; print(time.process_time() - t)"
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(5)]
    print(f"import scipy.linalg{said}: {min(map(float, run)):.3f} s of processor")
sys.exit("This has changed." if found["numpy.f2py"] < 10 or not found["charset_normalizer"] else 0)
PYTHON
