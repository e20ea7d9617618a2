/**
 * How a process that is a control plane is started: its garbage is large (encoded resources of thousands of services), and
 * by default much of it stays with the process. With a young generation of 8 MiB instead of 16, and memory of glibc that
 * goes back to the system when it is free, 400 proxies take half of the resident memory, once what is garbage was freed
 * (memory-at-rest.ts, bench/RESULTS.md).
 */
export const processSettings = {
  nodeFlags: ['--max-semi-space-size=8'] as readonly string[],
  /** Of glibc: mallopt(3). Without effect elsewhere. */
  env: {
    MALLOC_MMAP_THRESHOLD_: '32768',
    MALLOC_TRIM_THRESHOLD_: '131072',
    MALLOC_ARENA_MAX: '2',
  } as Readonly<Record<string, string>>,
};
