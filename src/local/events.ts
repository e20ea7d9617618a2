// What happens on the platform, told as it happens: by the platform inside as JSON lines, by the process outside as
// text for people or JSON lines for programs.

/** Kinds of events; stable, since `weft up -o json` prints them. */
export type EventKind =
  /** Which way was chosen, and why. */
  | 'platform'
  /** Something was done. */
  | 'step'
  /** Something is wrong that the user should know of; the rest goes on. */
  | 'problem'
  /** All is up: the addresses to open. */
  | 'ready'
  /** What the load generator measured. */
  | 'load'
  /** The platform has ended. */
  | 'stopped';

export interface PlatformEvent {
  readonly event: EventKind;
  /** A sentence for people. */
  readonly text: string;
  /** More, for programs. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Gets every event in order. */
export type Report = (event: PlatformEvent) => void;

export type EventStyle = 'text' | 'json' | 'quiet';

/** The line (with its end) that shows an event, or '' where the style leaves it out. `elapsedMs` is since the start. */
export function showEvent(event: PlatformEvent, style: EventStyle, elapsedMs: number): string {
  if (style === 'json') {
    const { text, data } = event;
    return `${JSON.stringify({ event: event.event, elapsedMs: Math.round(elapsedMs), text, ...data })}\n`;
  }
  if (style === 'quiet' && event.event !== 'problem') return '';
  const mark = event.event === 'problem' ? '! ' : '';
  return `${(elapsedMs / 1000).toFixed(1).padStart(6)}s  ${mark}${event.text}\n`;
}

/** An event as one line for the pipe between inside and outside. */
export function eventLine(event: PlatformEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** The event of such a line; any other line (a stray print) becomes a step with it as text. */
export function parseEventLine(line: string): PlatformEvent {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'event' in value && 'text' in value)
      return value as PlatformEvent;
  } catch {
    // no JSON
  }
  return { event: 'step', text: line };
}
