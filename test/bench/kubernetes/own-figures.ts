/** What this process has cost since it began: seconds of CPU, and its largest memory. */
export function ownFigures(): { readonly cpu: number; readonly megabytes: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpu: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1024 };
}
