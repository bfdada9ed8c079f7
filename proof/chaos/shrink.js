// Fewer faults that still break the same invariant: halves are left out first, then single ones.

/** The faults that are left; `play` plays a schedule and answers its row, at most `tries` times. */
export async function shrink(schedule, row, play, tries) {
  const broken = Object.keys(row.broken).filter((name) => row.broken[name].length > 0);
  const breaks = async (faults) => {
    const seen = await play({ ...schedule, faults });
    return broken.some((name) => seen.broken[name]?.length > 0);
  };
  let { faults } = schedule;
  let left = tries;
  for (
    let size = Math.ceil(faults.length / 2);
    size >= 1 && left > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < faults.length && left > 0; ) {
      const fewer = faults.filter((_fault, index) => index < from || index >= from + size);
      left--;
      process.stderr.write(`seed ${schedule.seed}: ${fewer.length} faults of ${faults.length}\n`);
      if (await breaks(fewer)) faults = fewer;
      else from += size;
    }
  }
  return faults;
}
