// One line of JSON for each tunnel, agent request and refusal. Names, counts and codes only: no token, no ticket, no
// address of a client, no payload, no text of the other side.

export interface LogLine {
  readonly event: 'tunnel' | 'agent' | 'ticket' | 'refused'
  /** `/tunnel`, `/agent`. */
  readonly route: string
  /** What happened: `ok`, an error code, or a close code. */
  readonly code: string | number
  readonly target?: string
  /** As the token names them. */
  readonly subject?: string
  readonly status?: number
  /** Bytes from the client on. */
  readonly up?: number
  /** Bytes to the client. */
  readonly down?: number
  readonly ms?: number
  readonly detail?: string
  /** Cloudflare's id of the request. */
  readonly ray?: string
}

export function log(line: LogLine): void {
  console.log(JSON.stringify(line))
}
