/** Milliseconds of processor time that `work` takes: what the machine does beside counts little, where a clock would show it. */
export function cpuTime(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before); // µs
  return (user + system) / 1000;
}
