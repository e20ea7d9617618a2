import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// The OpenSSL that Node itself carries, called by its names (Node exports them) through koffi: so that the records of
// an established TLS connection need not go through Node's streams (docs/decisions/0020-tls-records.md). Where something
// of it is missing (another runtime, no koffi, names not exported) there is nothing here, and Node does all of it.
// Never happens: a key or a secret comes here; OpenSSL keeps them.

/** A pointer to something of OpenSSL's. */
export type Pointer = number;

/** The calls in use; see OpenSSL's manual. */
export interface OpenSsl {
  SSL_read(ssl: Pointer, into: Uint8Array, bytes: number): number;
  SSL_write(ssl: Pointer, from: Uint8Array, bytes: number): number;
  SSL_shutdown(ssl: Pointer): number;
  SSL_get_error(ssl: Pointer, result: number): number;
  SSL_get_shutdown(ssl: Pointer): number;
  SSL_get_finished(ssl: Pointer, into: Uint8Array, bytes: number): number;
  SSL_has_pending(ssl: Pointer): number;
  SSL_rstate_string(ssl: Pointer): string;
  SSL_get_session(ssl: Pointer): Pointer;
  SSL_SESSION_is_resumable(session: Pointer): number;
  SSL_get_rbio(ssl: Pointer): Pointer;
  SSL_get_wbio(ssl: Pointer): Pointer;
  SSL_set0_rbio(ssl: Pointer, bio: Pointer): void;
  SSL_set0_wbio(ssl: Pointer, bio: Pointer): void;
  SSL_set_info_callback(ssl: Pointer, callback: Pointer): void;
  SSL_up_ref(ssl: Pointer): number;
  SSL_free(ssl: Pointer): void;
  BIO_s_mem(): Pointer;
  BIO_new(type: Pointer): Pointer;
  BIO_up_ref(bio: Pointer): number;
  BIO_free(bio: Pointer): number;
  BIO_read(bio: Pointer, into: Uint8Array, bytes: number): number;
  BIO_write(bio: Pointer, from: Uint8Array, bytes: number): number;
  BIO_ctrl_pending(bio: Pointer): number;
  ERR_peek_error(): number;
  ERR_reason_error_string(error: number): string | null;
  ERR_clear_error(): void;
}

/** What is OpenSSL's of a connection, and what Node keeps of it. */
export interface Engine {
  readonly openSsl: OpenSsl;
  readonly ssl: Pointer;
  /** Node's BIOs, which the SSL object no longer uses and Node still points to. */
  readonly former: readonly Pointer[];
  /** Node's object around the SSL object. */
  readonly handle: { destroySSL(): void };
  /** Called after a record that brought no plaintext: it may have been a ticket. */
  readonly onMessage: (() => void) | undefined;
}

/** p: pointer, b: bytes, i: int, u: size_t, e: error number, s: text, v: nothing; the result comes first. */
const NAMES: Readonly<Record<keyof OpenSsl, string>> = {
  SSL_read: 'ipbi',
  SSL_write: 'ipbi',
  SSL_shutdown: 'ip',
  SSL_get_error: 'ipi',
  SSL_get_shutdown: 'ip',
  SSL_get_finished: 'upbu',
  SSL_has_pending: 'ip',
  SSL_rstate_string: 'sp',
  SSL_get_session: 'pp',
  SSL_SESSION_is_resumable: 'ip',
  SSL_get_rbio: 'pp',
  SSL_get_wbio: 'pp',
  SSL_set0_rbio: 'vpp',
  SSL_set0_wbio: 'vpp',
  SSL_set_info_callback: 'vpp',
  SSL_up_ref: 'ip',
  SSL_free: 'vp',
  BIO_s_mem: 'p',
  BIO_new: 'pp',
  BIO_up_ref: 'ip',
  BIO_free: 'ip',
  BIO_read: 'ipbi',
  BIO_write: 'ipbi',
  BIO_ctrl_pending: 'up',
  ERR_peek_error: 'e',
  ERR_reason_error_string: 'se',
  ERR_clear_error: 'v',
};

const TYPES: Readonly<Record<string, string>> = {
  p: 'intptr_t',
  b: 'uint8_t *',
  i: 'int',
  u: 'size_t',
  e: 'unsigned long',
  s: 'const char *',
  v: 'void',
};

/** CRYPTO_EX_INDEX_SSL. */
const OF_EACH_SSL = 0;

/** The loaded calls, or the sentence that says why there are none. */
let loaded: OpenSsl | string | undefined;
let latest: Pointer = 0;

/** OpenSSL's calls; undefined where Node has to do without. */
export function openSsl(): OpenSsl | undefined {
  loaded ??= load();
  return typeof loaded === 'string' ? undefined : loaded;
}

/** Why there are no calls, as a sentence; '' when there are. */
export function openSslProblem(): string {
  openSsl();
  return typeof loaded === 'string' ? loaded : '';
}

/** Makes a TLS socket, and tells the SSL object that OpenSSL made meanwhile: 0 where none is known. */
export function withSsl<T>(make: () => T): { readonly made: T; readonly ssl: Pointer } {
  openSsl();
  latest = 0;
  const made = make();
  const ssl = latest;
  latest = 0;
  return { made, ssl };
}

function load(): OpenSsl | string {
  if (process.env['WEFT_TLS_RECORDS'] === 'node') return 'WEFT_TLS_RECORDS=node says so.';
  // OpenSSL's hook is for the whole process, and koffi would let other threads wait for this one.
  if (!isMainThread) return 'This is not the main thread.';
  if (process.versions['bun'] !== undefined) return 'This runtime has no OpenSSL.';
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const calls: Record<string, unknown> = {};
    for (const [name, [result, ...parameters]] of Object.entries(NAMES))
      calls[name] = library.func(
        name,
        TYPES[result!]!,
        [...parameters].map((parameter) => TYPES[parameter]!),
      );
    const onNew = koffi.proto('void', ['intptr_t', 'intptr_t', 'intptr_t', 'int', 'long', 'intptr_t']);
    const told = koffi.register((ssl: Pointer) => {
      latest = ssl;
    }, koffi.pointer(onNew));
    const hook = library.func('CRYPTO_get_ex_new_index', 'int', [
      'int',
      'long',
      'intptr_t',
      koffi.pointer(onNew),
      'intptr_t',
      'intptr_t',
    ]);
    if (hook(OF_EACH_SSL, 0, 0, told, 0, 0) < 0) return 'OpenSSL takes no more hooks.';
    return calls as unknown as OpenSsl;
  } catch (error) {
    return (error as Error).message;
  }
}
