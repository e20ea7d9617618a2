// Memory that comes back. Sockets hand large reads on uncopied, and whoever gets bytes may keep them: by default such memory
// is read into once. Whoever knows that nobody will look at some of it again gives that back: a parser what it has taken
// in, a writer what is with the kernel. Where all of a read has come back by the end of its callback, the next read goes
// into the same memory. So nobody has to give anything back, and nobody may do so twice, or while another has the bytes.
// Without this 64 KiB are allocated per read, and V8 answers 64 MiB of them with a full collection, seven a second.

/** Of the read whose callback runs. */
let lent: ArrayBufferLike | undefined;
let missingBytes = 0;

/** A read that is about to be handed on. */
export function lend(bytes: Uint8Array): void {
  lent = bytes.buffer;
  missingBytes = bytes.length;
}

/** So many bytes of the memory under `bytes` are done with. */
export function giveBack(bytes: Uint8Array, length = bytes.length): void {
  if (lent !== undefined && bytes.buffer === lent) missingBytes -= length;
}

/** The callback is over: whether all has come back. */
export function allIsBack(): boolean {
  lent = undefined;
  return missingBytes === 0;
}
