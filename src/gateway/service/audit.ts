// The audit: one line for each connection that ended or was refused, in a file that is only appended to. A full disk is
// counted and told; whether tunnels are taken meanwhile is the operator's choice.
import { closeSync, openSync, writeSync } from 'node:fs'
import { failure } from '../../errors-node.js'
import type { GatewayEvent } from '../events.js'
import { cleanValue } from './clean-text.js'

export interface Audit {
  record(event: GatewayEvent): void
  /** Why no tunnel may be taken now: lines cannot be written, and `whenFull` says refuse. */
  refuse(): string | undefined
  /** Lines that could not be written. */
  readonly lost: () => number
  /** After the file was moved away. Throws what `node:fs` throws; the old file stays in use then. */
  reopen(): void
  close(): void
}

export interface AuditOptions {
  readonly file: string
  readonly whenFull: 'continue' | 'refuse'
  /** Told once when writing begins to fail (an errno name), and once when it works again. */
  readonly changed: (failing: string | undefined) => void
  /** For tests. Bytes written, as of `fs.writeSync`. */
  readonly write?: (descriptor: number, line: Buffer) => number
}

/** Throws ERR_GATEWAY_CONFIG when the file cannot be opened. */
export function openAudit(options: AuditOptions): Audit {
  const { file, whenFull, changed, write = writeSync } = options
  const opened = new Map<number, Extract<GatewayEvent, { type: 'opened' }>>()
  let descriptor = openForAppending(file)
  let lost = 0
  let failing: string | undefined
  let torn = false

  function append(line: string): void {
    // A line that was cut short by a full disk is ended before the next one.
    const bytes = Buffer.from(torn ? `\n${line}` : line)
    try {
      const written = write(descriptor, bytes)
      if (written > 0) torn = written < bytes.length && (!torn || written > 1)
      if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' })
      if (failing !== undefined) changed((failing = undefined))
    } catch (error) {
      lost++
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
      if (failing === undefined) changed((failing = code))
    }
  }

  return {
    record(event) {
      if (event.type === 'opened') opened.set(event.tunnel, event)
      else if (event.type === 'closed') {
        append(lineOf(event, opened.get(event.tunnel)))
        opened.delete(event.tunnel)
      } else if (event.type === 'refused') append(lineOf(event, undefined))
    },
    refuse: () =>
      failing !== undefined && whenFull === 'refuse' ? `the audit cannot be written (${failing})` : undefined,
    lost: () => lost,
    reopen() {
      const before = descriptor
      descriptor = openSync(file, 'a', 0o640)
      torn = false
      closeSync(before)
    },
    close: () => closeSync(descriptor),
  }
}

function openForAppending(file: string): number {
  try {
    return openSync(file, 'a', 0o640)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw failure('ERR_GATEWAY_CONFIG', `audit.file: cannot open ${file} (${code})`, { cause })
  }
}

function lineOf(
  event: Extract<GatewayEvent, { type: 'closed' | 'refused' }>,
  opening: Extract<GatewayEvent, { type: 'opened' }> | undefined,
): string {
  const { client } = opening ?? {}
  const line = {
    time: new Date().toISOString(),
    verdict: event.type === 'refused' ? 'refused' : event.error === undefined ? 'completed' : 'cut',
    code: event.error?.code,
    detail: event.error?.detail,
    address: event.address,
    route: event.route,
    client: client && {
      commonName: client.commonName,
      serialNumber: client.serialNumber,
      fingerprint: client.fingerprint,
    },
    ...(event.type === 'refused'
      ? { door: event.door, alpn: event.alpn, serverName: event.serverName }
      : {
          tunnel: event.tunnel,
          door: opening?.door,
          framing: opening?.framing,
          alpn: opening?.alpn,
          serverName: opening?.serverName,
          bytesFromClient: event.bytesFromClient,
          bytesToClient: event.bytesToClient,
          duration: event.duration,
        }),
  }
  return `${JSON.stringify(cleanValue(line))}\n`
}
