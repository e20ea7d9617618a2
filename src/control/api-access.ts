import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ApiUsers, readApiUsers, withToken } from '../server/api-users.ts';
import type { ApiOptions } from '../server/http-api.ts';
import type { ControlOptions } from './options.ts';

/** Who may call the API, and how it is reached. */
export interface ApiAccess extends Pick<ApiOptions, 'auth' | 'users' | 'tls'> {
  /** Takes the token of this run away. */
  close(): void;
}

const TOKEN_BYTES = 32;

/** Reads the files that the options name, and makes the administrator's token of this run. Throws an Error with a sentence. */
export function openApiAccess({ apiAuth, apiUsersFile, apiTokenFile, apiTls }: ControlOptions): ApiAccess {
  let users: ApiUsers | undefined =
    apiUsersFile === undefined ? undefined : parsed(apiUsersFile, readFileSync(apiUsersFile, 'utf8'));
  if (apiTokenFile !== undefined) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    users = withToken(users, token, { name: 'owner of this mesh', role: 'admin' });
    writeForOwner(apiTokenFile, `${token}\n`);
  }
  const tls = apiTls && {
    cert: readFileSync(apiTls.certFile, 'utf8'),
    key: readFileSync(apiTls.keyFile, 'utf8'),
    ...(apiTls.clientCaFile !== undefined && { clientCa: readFileSync(apiTls.clientCaFile, 'utf8') }),
  };
  return {
    ...(apiAuth && { auth: apiAuth }),
    ...(users && { users }),
    ...(tls && { tls }),
    close() {
      if (apiTokenFile !== undefined) rmSync(apiTokenFile, { force: true });
    },
  };
}

function parsed(file: string, text: string): ApiUsers {
  try {
    return readApiUsers(text);
  } catch (error) {
    throw new Error(`${file} does not say who may call the API: ${(error as Error).message}`);
  }
}

/** Whole from the first moment, and never readable by others: a file that is there already may be. */
function writeForOwner(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
}
