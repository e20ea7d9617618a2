import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Io, OutputFormat } from './io.ts';
import { exitCodes } from './io.ts';

/** Version of this weft, of the Node it runs on, and of the machine. */
export function versionFacts(): { readonly weft: string; readonly node: string; readonly platform: string } {
  return {
    weft: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform}/${process.arch}`,
  };
}

/** The version in package.json: beside dist/ in a build, two folders up in the source. */
export function packageVersion(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  for (const file of [join(here, '..', 'package.json'), join(here, '..', '..', 'package.json')]) {
    try {
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (manifest.name === 'weft' && manifest.version !== undefined) return manifest.version;
    } catch {
      // the next place
    }
  }
  return 'unknown';
}

/** `weft version`. */
export function runVersion(output: OutputFormat, io: Io): number {
  const facts = versionFacts();
  if (output === 'json') io.out(`${JSON.stringify(facts)}\n`);
  else io.out(`weft ${facts.weft} (Node ${facts.node}, ${facts.platform})\n`);
  return exitCodes.fine;
}

/** Registers `weft version`. */
export function addVersionCommand(program: Command, io: Io): void {
  program
    .command('version')
    .description('print the version of weft, of its Node and of the platform')
    .option('-o, --output <format>', 'text or json', 'text')
    .action((flags: { output: string }) => {
      process.exitCode = runVersion(flags.output === 'json' ? 'json' : 'text', io);
    });
}
