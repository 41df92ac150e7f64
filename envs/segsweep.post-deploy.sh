# Completes the Python environment that is first on PATH: adds the command `segsweep` and the
# samples' archives (checked by hash). `make setup` runs this in .venv, `snakemake --sdm conda` in
# the environment that it has created.
set -eu
prefix=$(python -c 'import sys; print(sys.prefix)')
install -m 755 envs/launcher.sh "$prefix/bin/segsweep"
python -m pip download --quiet --no-deps --require-hashes --no-binary mouse-pupil-analysis \
    --dest "$prefix/share/segsweep" --requirement data/sample-archives.txt
