/** `delete` is another method than DELETE (RFC 9110 9.1), so that policies do not mean it; but not to every server. */
export function isMisspelled(method: string): boolean {
  const meant = method.toUpperCase();
  return meant !== method && KNOWN_METHODS.split(' ').includes(meant);
}

/** Methods that servers know: the IANA's registry, and what parsers have of old. */
const KNOWN_METHODS =
  'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE';
