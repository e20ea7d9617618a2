import type { ExplainAnswer, ExplainQuestion } from '../../server/contract.ts';
import { type Compiled, readOf } from '../compile.ts';
import { callOf } from '../explain/call-of.ts';
import { tell } from '../explain/explain.ts';
import { UnknownCaller } from '../explain/unknown-caller.ts';
import { readCertificate } from '../read-certificate.ts';

/** Where a request would go in the mesh that runs, and why; the same walk as over files. */
export function explainAnswer(question: ExplainQuestion, compiled: Compiled, nowMs: number): ExplainAnswer {
  const call = callOf(question);
  if ('problem' in call) return { problem: call.problem, misused: true };
  const mesh = {
    compiled,
    read: readOf(compiled),
    listens: () => true,
    readCertificate,
    nowSeconds: Math.floor(nowMs / 1000),
  };
  try {
    return { told: tell(mesh, call) };
  } catch (error) {
    if (!(error instanceof UnknownCaller)) throw error;
    return { problem: error.message, misused: false };
  }
}
