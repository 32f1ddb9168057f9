// What every wire over a WebSocket shares, whoever framed it: the size of the messages that go out, and what the end of one
// means. A room of platforms: no runtime's nouns.
import { type Bytes, concat } from '../bytes/index.js'
import { failure, type TunnelError } from '../errors.js'

// Some relays cap messages at 1 MiB and less; from here on fewer messages gain nothing that can be measured.
const maxMessage = 64 * 1024

/** What a message that waits counts for: one of no bytes (RFC 6455 §5.6 allows it) takes a view, a buffer and their places. */
export function costOf({ byteLength }: { readonly byteLength: number }): number {
  return Math.max(byteLength, 512)
}

/** The same bytes in messages of at most 64 KiB, as few as that makes without cutting what fits. */
export function messagesOf(chunks: readonly Uint8Array[]): Bytes[] {
  const messages: Bytes[] = []
  let parts: Uint8Array[] = []
  let size = 0
  function flush(): void {
    if (parts.length > 0) messages.push(parts.length === 1 ? (parts[0] as Bytes) : concat(...parts))
    parts = []
    size = 0
  }
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += maxMessage) {
      const part = chunk.length <= maxMessage ? chunk : chunk.subarray(at, at + maxMessage)
      if (size + part.length > maxMessage) flush()
      parts.push(part)
      size += part.length
    }
  flush()
  return messages
}

/** RFC 6455 §7.4.1: what a close code says about how the stream ended. */
export function closeCause(code: number | undefined): TunnelError | undefined {
  if (code === undefined || code === 1000 || code === 1005) return undefined
  if (code === 1001) return failure('ERR_WS_GOING_AWAY')
  if (code === 1006) return failure('ERR_WS_ABNORMAL')
  if (code === 1011) return failure('ERR_WS_SERVER_ERROR')
  return failure('ERR_WS_CLOSED', `code ${code}`)
}

/**
 * The same for a WebSocket that took our bytes and never answered with one: so ends a server that does not unmask frames,
 * to whom every runtime's own WebSocket sends garbage. RFC 6455 §5.3 has clients mask.
 */
export function endCause(
  code: number | undefined,
  sent: boolean,
  answered: boolean,
): TunnelError | undefined {
  if (sent && !answered && code !== 1001 && code !== 1011)
    return failure('ERR_WS_UNANSWERED', `code ${code ?? 1005}`)
  return closeCause(code)
}
