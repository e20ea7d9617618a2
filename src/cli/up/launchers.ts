import { readFileSync } from 'node:fs';

// `npm start` and `npx weft` put processes between the user and us: npm, a shell, the launcher that picks a Node. Where
// one of them is killed, so that no signal reaches us, we must end all the same. A shell that the user typed into, or a
// service manager, is no launcher: what is started there may outlive it (nohup).

/** How often they are looked at. */
const LOOK_MS = 300;
/** More ancestors are not looked at. */
const MAX_LAUNCHERS = 8;

/** One process, as far as it tells launchers. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Tells it from a later process with its pid. */
  readonly started: string;
  readonly argv: readonly string[];
}

/** The launchers above a process: the unbroken line of its ancestors that only exist to start it. */
export function launchersOf(pid: number, read: (pid: number) => ProcessFacts | undefined): ProcessFacts[] {
  const line: ProcessFacts[] = [];
  let facts = read(read(pid)?.parent ?? 0);
  while (
    facts !== undefined &&
    line.length < MAX_LAUNCHERS &&
    (isLauncher(facts.argv) || isShellCommand(facts.argv))
  ) {
    line.push(facts);
    facts = read(facts.parent);
  }
  // A shell with a command is npm's only below npm.
  while (line.length > 0 && isShellCommand(line.at(-1)?.argv ?? [])) line.pop();
  return line;
}

function isLauncher(argv: readonly string[]): boolean {
  // npm writes its own title over its command line: `npm start`, `npm exec weft up`.
  if (/^(npm|npx)( |$)/.test(argv[0] ?? '')) return true;
  const script = argv.find((arg, i) => i > 0 && !arg.startsWith('-')) ?? '';
  return /(^|\/)(npm-cli\.js|npx-cli\.js|npm|npx|weft|weft\.js|start\.mjs)$/.test(script);
}

function isShellCommand(argv: readonly string[]): boolean {
  return /(^|\/)(ba|da)?sh$/.test(argv[0] ?? '') && argv[1] === '-c';
}

/** Calls back once when a launcher above this process is gone. Nothing outside Linux. */
export function watchLaunchers(onGone: () => void): { stop(): void } {
  const launchers = launchersOf(process.pid, readProcess);
  if (launchers.length === 0) return { stop: () => {} };
  const timer = setInterval(() => {
    if (launchers.every(({ pid, started }) => readProcess(pid)?.started === started)) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function readProcess(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return { pid, parent: Number(parent), started: rest[17] ?? '', argv };
  } catch {
    return undefined;
  }
}
