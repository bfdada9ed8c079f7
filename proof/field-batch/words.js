// Variables of the user that change how a scheduler's tools speak, or whether they answer at all.
export const rows = [
  {
    entry: 'F4 squeue does not answer inside the job',
    bed: 'slurm',
    expected: 'two engines, with an end that is --time from now',
    quick: true,
    async run(scene) {
      scene.wrap('squeue', '[ -z "$SLURM_JOB_ID" ] || exit 1\nexec $real "$@"');
      const { engines } = await scene.start('-n', '2', '--time', '20m');
      scene.is('engines', engines, 2);
      const { engines: known = [] } = await scene.json('status');
      const minutes = known.map(({ deadline }) => Math.round((Date.parse(deadline) - Date.now()) / 60_000));
      scene.is(
        'minutes until the end',
        minutes.every((count) => count >= 18 && count <= 60),
        true,
      );
    },
  },
];
