/** What is wrong with a port number, or undefined. */
export function portProblem(port: number): string | undefined {
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return undefined;
  return `${port} is not a port; ports are 1 to 65535`;
}

/** What is wrong with the port of an AuthorizationPolicy, which is written as text; 0 is allowed there. */
export function portTextProblem(text: string): string | undefined {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 65535) return undefined;
  return `"${text}" is not a port; write a number from 0 to 65535 in quotes`;
}
