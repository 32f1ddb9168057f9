// Modules of Node that a page has nothing for. The PostgreSQL client names them for ways that the console never goes:
// it is given its stream, its user and its password.

/** `pg-connection-string`: the console gives fields, not a URL. */
export function parse(): never {
  throw new Error('connection strings are not read here')
}
