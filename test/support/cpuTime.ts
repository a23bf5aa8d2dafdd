/** Milliseconds of processor time that `work` takes; unlike wall-clock time, it hardly depends on other load. */
export function cpuTime(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before); // µs
  return (user + system) / 1000;
}
