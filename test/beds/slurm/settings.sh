# Sourced: where the state of the bed is.
state=${BED_STATE:-/tmp/ipcluster-bed-slurm}
