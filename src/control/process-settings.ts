/**
 * How a process that is a control plane is started: its garbage is large (encoded resources of thousands of services), and
 * by default much of it stays with the process. A young generation of 8 MiB instead of 16, and large pieces of memory that
 * go back to the system when they are free, are a third of the resident memory less with 400 proxies for the same CPU
 * (bench/RESULTS.md).
 */
export const processSettings = {
  nodeFlags: ['--max-semi-space-size=8'] as readonly string[],
  /** Of glibc: mallopt(3). Without effect elsewhere. */
  env: { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' } as Readonly<
    Record<string, string>
  >,
};
