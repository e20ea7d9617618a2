import { join } from 'node:path';
import type { Report } from './events.ts';
import type { PodNetworks } from './network/pod-networks.ts';
import type { PlatformProgram } from './parts.ts';
import { LogFile } from './processes/log-file.ts';
import { isExitToTell, type SupervisedProcess } from './processes/supervise.ts';
import type { ProcessTable } from './processes/table.ts';
import type { RunPaths } from './state.ts';

interface ProgramSettings {
  readonly paths: RunPaths;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface ProgramWorld {
  readonly networks: PodNetworks;
  readonly report: Report;
}

/** The platform's own programs: started when they are needed, started again when they end. */
export class Programs {
  readonly #settings: ProgramSettings;
  readonly #world: ProgramWorld;
  readonly #table: ProcessTable;
  readonly #graceMs: number;
  readonly #running = new Map<string, SupervisedProcess>();

  constructor(settings: ProgramSettings, world: ProgramWorld, table: ProcessTable, graceMs: number) {
    this.#graceMs = graceMs;
    this.#settings = settings;
    this.#world = world;
    this.#table = table;
  }

  /** Starts a program, if it does not run yet. */
  need({ name, kind, argv, env }: PlatformProgram): void {
    if (this.#running.has(name)) return;
    const { networks, report } = this.#world;
    const log = new LogFile(join(this.#settings.paths.logs, `${name}.log`));
    const started = {
      name,
      kind,
      argv: networks.programArgv(argv),
      cwd: process.cwd(),
      log,
      graceMs: this.#graceMs,
    };
    const full = { ...this.#settings.env, ...env };
    const defined = Object.fromEntries(
      Object.entries(full).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const supervised = this.#table.run({ ...started, env: defined }, ({ status }) => {
      if (!isExitToTell(status)) return;
      const said = log.lastLine() === '' ? '' : `; it said: ${log.lastLine()}`;
      report({
        event: 'problem',
        text: `${name} ended with ${status.lastExit}${said} (${log.path}); it is started again`,
      });
    });
    this.#running.set(name, supervised);
  }

  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    await Promise.all(all.map((program) => this.#table.remove(program, this.#graceMs)));
  }
}
