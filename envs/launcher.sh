#!/bin/sh
# `segsweep`, installed into the bin folder of a Python environment by segsweep.post-deploy.sh.
# It runs the code of the clone in whose folder it is called, so one environment serves any number
# of clones: the nearest folder upwards that has Snakefile and src/segsweep.
folder=$PWD
until [ -f "$folder/Snakefile" ] && [ -f "$folder/src/segsweep/__init__.py" ]; do
    if [ -z "$folder" ]; then
        echo "error: $PWD: found no clone of segsweep here or in a folder above, expected one with" \
            "Snakefile and src/segsweep; change to the folder of your clone and try again" >&2
        exit 1
    fi
    folder=${folder%/*}
done
# -P and no PYTHONPATH: neither the current folder nor the processes it starts are affected
exec "$(dirname "$(readlink -f "$0")")/python" -P -c \
    'import sys; sys.path.insert(0, sys.argv.pop(1)); from segsweep.cli.app import main; main()' \
    "$folder/src" "$@"
