import type { ControlChannel } from './control-channel.ts';
import type { EnvoyReport } from './envoy-port.ts';

// What an Envoy tells of denials is passed on as it comes, with the workload's token: the agent looks into none of it. An
// Envoy whose call ends opens another with its next denial, so nothing is tried again here.

/** Passes a call on. What comes faster than the control plane takes it waits at the Envoy, which drops what is too much. */
export function relayReports(call: EnvoyReport, open: () => ControlChannel): void {
  let channel: ControlChannel;
  try {
    channel = open();
  } catch {
    call.destroy();
    return;
  }
  const onward = channel.reports();
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    onward.cancel();
    channel.close();
    call.destroy();
  };
  call.on('data', (bytes: Buffer) => {
    if (!onward.write(bytes)) call.pause();
  });
  onward.on('drain', () => call.resume());
  for (const event of ['end', 'error', 'cancelled', 'close']) call.on(event, end);
  for (const event of ['error', 'status']) onward.on(event, end);
}
