import { type ChildProcess, spawn } from 'node:child_process';

// Where the kernel does not end our processes with us (no enclosure), a small shell does: it is told which groups of
// processes there are, and when its input ends, because we did, it kills them.

const SCRIPT = `trap '' INT TERM HUP
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

/** A shell that outlives us for a moment. */
export class Reaper {
  readonly #shell: ChildProcess;
  readonly #known = new Map<string, number>();

  constructor() {
    // Detached: a Ctrl-C in the terminal is for us alone.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#shell.on('error', () => {}); // no shell: then only an orderly end cleans up
    this.#shell.stdin?.on('error', () => {});
  }

  /** Tells the group (the pid) of the process with this name; undefined when it runs no more. */
  tell(name: string, pid: number | undefined): void {
    const before = this.#known.get(name);
    if (before === pid) return;
    if (before !== undefined) this.#shell.stdin?.write(`- ${before}\n`);
    if (pid === undefined) this.#known.delete(name);
    else {
      this.#known.set(name, pid);
      this.#shell.stdin?.write(`+ ${pid}\n`);
    }
  }

  close(): void {
    this.#shell.stdin?.end();
    this.#shell.unref();
  }
}
