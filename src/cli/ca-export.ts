import { X509Certificate } from 'node:crypto';
import { type Command, Option } from 'commander';
import type { CaReport } from '../server/contract.ts';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io } from './io.ts';

interface Flags {
  readonly api: string;
  readonly format: 'pem' | 'spiffe';
}

/** `weft ca export`. */
export function addCaExport(ca: Command, io: Io): void {
  ca.command('export')
    .description('print the roots that the mesh trusts: public, for machines and meshes that shall trust it')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addOption(
      new Option('--format <format>', 'pem, or spiffe: a SPIFFE bundle')
        .choices(['pem', 'spiffe'])
        .default('pem'),
    )
    .addHelpText('after', HELP)
    .action(async (flags: Flags) => {
      process.exitCode = await runCaExport(flags, io);
    });
}

const HELP = `
During a rotation there are several roots; who takes a copy has to take the new one before the rotation can be waited
for: weft cannot see who holds copies.

Examples:
  weft ca export > roots.pem
  weft ca export --format spiffe > bundle.json`;

/** Prints the bundle. */
export async function runCaExport({ api, format }: Flags, io: Io): Promise<number> {
  try {
    const { bundlePem } = await askApi<CaReport>(api, '/api/ca');
    io.out(format === 'pem' ? bundlePem : spiffeBundle(bundlePem));
    return exitCodes.fine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft ca export: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

/** The X.509 part of a SPIFFE trust bundle (SPIFFE Trust Domain and Bundle, section 4). */
export function spiffeBundle(bundlePem: string): string {
  const blocks = bundlePem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const keys = blocks.map((block) => {
    const certificate = new X509Certificate(block);
    const { kty, crv, x, y, n, e } = certificate.publicKey.export({ format: 'jwk' });
    return { use: 'x509-svid', kty, crv, x, y, n, e, x5c: [certificate.raw.toString('base64')] };
  });
  return `${JSON.stringify({ keys, spiffe_refresh_hint: 60 }, undefined, 2)}\n`;
}
