import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ObjectAnswer } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io, type OutputFormat } from './io.ts';
import { type ObjectName, objectPath, parseObjectName } from './object-name.ts';
import { isLive, objectText, standingText } from './object-text.ts';

/** Flags of `weft wait`. */
export interface WaitOptions {
  readonly for: 'live';
  readonly namespace: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly api: string;
  readonly output: OutputFormat;
}

const POLL_MS = 100;

/** `weft wait`. */
export function addWaitCommand(program: Command, io: Io): void {
  program
    .command('wait')
    .description('wait until an object is in use, as it is written, on every proxy that it concerns')
    .argument('<object>', 'KIND/NAME or KIND/NAMESPACE/NAME')
    .addOption(new Option('--for <what>', 'what to wait for').choices(['live']).default('live'))
    .option('-n, --namespace <name>', 'of the object', 'default')
    .addOption(
      new Option('--timeout <time>', 'how long, such as 10s or 2m')
        .default(30_000, '30s')
        .argParser(duration),
    )
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action(async (what: string, flags: WaitOptions) => {
      process.exitCode = await runWait(what, flags, io);
    });
}

const HELP = `
An object is live when each proxy that gets something of it has taken it; proxies that hold only what their workloads use
get the rest when it is first needed. Exits with 1, and says what is missing, where
that is not so in time: the object is not there, is not valid, waits for something that it names, is refused by a proxy,
or concerns no proxy at all.

Examples:
  weft wait --for=live VirtualService/reviews
  weft wait --for=live dr/reviews -n shop --timeout 5s
  weft wait --for=live vs/reviews -o json        the object, and each proxy with since when`;

/** Waits and says what came of it. */
export async function runWait(what: string, options: WaitOptions, io: Io): Promise<number> {
  const name = parseObjectName(what, options.namespace);
  if (name === undefined) {
    io.err(`weft wait: "${what}" is no object; write KIND/NAME, such as VirtualService/reviews\n`);
    return exitCodes.misused;
  }
  const untilMs = performance.now() + options.timeout;
  for (;;) {
    const seen = await look(name, options.api);
    const done = typeof seen !== 'string' && isLive(seen);
    if (done || performance.now() > untilMs) return tell(seen, done, options, io);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The object, or why there is none to see. A control plane that is just being restarted is waited for, too. */
async function look(name: ObjectName, api: string): Promise<ObjectAnswer | string> {
  try {
    return await askApi<ObjectAnswer>(api, objectPath(name));
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return error.message;
  }
}

function tell(seen: ObjectAnswer | string, done: boolean, { output }: WaitOptions, io: Io): number {
  if (typeof seen === 'string') io.err(`weft wait: ${seen}\n`);
  else if (output === 'json') io.out(`${JSON.stringify(seen)}\n`);
  else if (done) io.out(`${standingText(seen)}\n`);
  else io.err(`weft wait: in this time it did not become live\n${objectText(seen)}`);
  return done ? exitCodes.fine : exitCodes.notFine;
}

function duration(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a time such as 10s or 2m.');
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
}
