import { message, oneOf, text } from '../../schema.ts';

/** Requests of one session go to one backend (experimental channel). Default type: Cookie. */
export const sessionPersistence = message(
  {},
  {
    sessionName: text,
    absoluteTimeout: text,
    type: oneOf('Cookie', 'Header'),
    cookie: message({}, { lifetimeType: oneOf('Permanent', 'Session'), name: text, path: text }),
    header: message({ name: text }, {}),
  },
);
