// TCP of workers: a socket of cloudflare:sockets as a Wire, plain or with the runtime's own TLS. What the runtime tells
// badly is made up for here: small reads, resets that look like ends, errors without a code. No protocol enters but the
// five bytes that say how long a TLS record is.
import { failure, type TunnelError } from '../../errors.js'
import type { Wire, WireEvents } from '../../stream/byte-stream.js'
import { deferred, handled, rejected } from '../../stream/deferred.js'
import { joined } from '../../stream/joined.js'
import { abortError } from '../../stream/signal.js'
import type { Address, WireOptions } from '../platform.js'
import { headerLength, recordsAhead } from './records.js'

type Sockets = typeof import('cloudflare:sockets')
type Socket = ReturnType<Sockets['connect']>

/** Room for one read: several TLS records. */
const readSize = 64 * 1024
/** Reads of at least so many bytes have a buffer to themselves. */
const copyBelow = 8 * 1024
/** Bytes on their way to the runtime from which on writers wait; its own buffer and the kernel's come on top. */
const unsent = 256 * 1024

/** TCP. Rejects with ERR_DIAL_FAILED, ERR_DIAL_RESET, ERR_UNSUPPORTED_PLATFORM, or the signal's reason. */
export function dialTcp(address: Address, options: WireOptions): Promise<Wire> {
  return dial(address, 'off', options)
}

/** TCP and the runtime's TLS, for the host's name and by the runtime's roots. Rejects as `dialTcp`: it tells no more. */
export function dialTls(address: Address, options: WireOptions): Promise<Wire> {
  return dial(address, 'on', options)
}

async function dial(address: Address, secureTransport: 'on' | 'off', options: WireOptions): Promise<Wire> {
  const { signal, isTls = false, trace } = options
  const { connect } = await sockets()
  if (signal.aborted) throw abortError(signal, 'dial')
  const { host, port } = address
  // The runtime takes IPv6 literals in brackets only.
  const hostname = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  let socket: Socket
  try {
    socket = connect({ hostname, port }, { allowHalfOpen: true, secureTransport })
  } catch (thrown) {
    throw dialError(thrown, address)
  }
  handled(socket.closed)
  handled(socket.opened)
  const aborted = deferred<never>()
  // One that is still opening closes as soon as it has opened.
  const onAbort = () => {
    handled(socket.close())
    aborted.reject(abortError(signal, 'dial'))
  }
  signal.addEventListener('abort', onAbort)
  try {
    await Promise.race([socket.opened, aborted.promise])
  } catch (thrown) {
    if (signal.aborted) throw abortError(signal, 'dial')
    handled(socket.close())
    throw dialError(thrown, address)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  const facts = { host, port, transport: secureTransport === 'on' ? 'tls' : 'tcp' }
  trace?.('tcp', facts)
  return { ...wireFromSocket(socket, { isTls, cut: secureTransport === 'on' }), facts }
}

async function sockets(): Promise<Sockets> {
  try {
    return await import('cloudflare:sockets')
  } catch (cause) {
    throw failure('ERR_UNSUPPORTED_PLATFORM', 'this runtime has no cloudflare:sockets', {
      cause,
      phase: 'dial',
    })
  }
}

export interface SocketWireOptions {
  /** TLS records come from the first byte on. */
  readonly isTls?: boolean
  /** The runtime does TLS: of what ends without close_notify it says only that the connection was lost. */
  readonly cut?: boolean
}

/** An open socket as a wire; takes it over. It should allow half-open connections. */
export function wireFromSocket(socket: Socket, { isTls = false, cut = false }: SocketWireOptions = {}): Wire {
  const writer = socket.writable.getWriter()
  handled(writer.closed)
  const reader = byteReader(socket.readable)
  const records = isTls ? recordsAhead() : undefined
  let events: WireEvents | undefined
  let failed: TunnelError | undefined
  let isReading = true
  let isWriting = true
  /** The runtime let the connection go. */
  let isGone = false
  let inFlight = 0
  let room = deferred()

  function fail(thrown: unknown): void {
    if (failed !== undefined) return
    failed = resetError(thrown)
    const told = events
    events = undefined
    room.resolve()
    told?.fail(failed)
  }

  async function readAll(): Promise<void> {
    while (events !== undefined) {
      const chunk = await reader.read(records?.missing() ?? 1)
      if (events === undefined) return
      if (chunk === undefined) break
      records?.pass(chunk)
      const busy = events.data(chunk)
      if (busy !== undefined) await busy
    }
    isReading = false
    // Of a reset the runtime reads an end; but it closes by itself then, while we could still write.
    if (isGone && isWriting) fail('the connection was reset')
    else await events?.end()
  }

  function readEnded(thrown: unknown): void {
    const told = events
    if (!cut || told === undefined) {
      fail(thrown)
      return
    }
    isReading = false
    // As with an outer TLS of ours: what stands above knows whether anything is missing.
    const cause = failure('ERR_TLS_TRUNCATED', undefined, { cause: thrown })
    Promise.resolve(told.end(cause)).catch(fail)
  }

  function onClosed(): void {
    isGone = true
    if (!isReading && isWriting) fail('the connection was reset')
  }
  socket.closed.then(onClosed, onClosed)

  function send(chunk: Uint8Array): void {
    inFlight += chunk.length
    writer.write(chunk).then(() => {
      inFlight -= chunk.length
      if (inFlight < unsent) room.resolve()
    }, fail)
  }

  async function drained(): Promise<void> {
    room = deferred()
    await room.promise
    if (failed !== undefined) throw failed
  }

  return {
    start(listener) {
      events = listener
      if (failed === undefined) readAll().catch(readEnded)
      else listener.fail(failed)
    },
    write(chunks) {
      if (failed !== undefined) return rejected(failed)
      for (const chunk of joined(chunks)) send(chunk)
      return inFlight < unsent ? undefined : handled(drained())
    },
    async end() {
      if (failed !== undefined) throw failed
      isWriting = false
      try {
        await writer.close()
      } catch (thrown) {
        throw resetError(thrown)
      }
    },
    unsent: () => inFlight,
    destroy() {
      events = undefined
      failed ??= failure('ERR_STREAM_CLOSED')
      room.resolve()
      reader.cancel()
      // Not abort(): it drops what waits, but keeps the connection for as long as the request lives.
      handled(socket.close())
    },
  }
}

interface ByteReader {
  /** At least so many bytes, fewer only at the end; undefined behind it. */
  read(least: number): Promise<Uint8Array | undefined>
  cancel(): void
}

/** BYOB, and what workerd adds to it. */
type OwnReader = ReadableStreamBYOBReader & {
  readAtLeast?(least: number, view: Uint8Array): Promise<ReadableStreamReadResult<Uint8Array>>
}

function byteReader(readable: ReadableStream<Uint8Array>): ByteReader {
  const reader: OwnReader = readable.getReader({ mode: 'byob' })
  let spare = new ArrayBuffer(readSize)
  return {
    async read(least) {
      const isLong = least >= copyBelow
      // A long record fills a buffer of its own, to the header behind it: so it lies in one piece, and the next one too.
      const view = isLong ? new Uint8Array(least + headerLength) : new Uint8Array(spare)
      const result =
        least > 1 && reader.readAtLeast !== undefined
          ? await reader.readAtLeast(least, view)
          : await reader.read(view)
      // The end comes with an empty view; the runtime reads no empty chunk otherwise.
      const value: Uint8Array | undefined = result.value
      if (value === undefined || value.length === 0) return undefined
      if (isLong) return value
      spare = value.buffer as ArrayBuffer
      // The copy is cheap beside the read, and few bytes pin no large buffer.
      return value.slice()
    },
    cancel: () => void handled(reader.cancel()),
  }
}

/** What connecting failed with. The runtime has one sentence for refusals, missing names and addresses it does not allow. */
export function dialError(thrown: unknown, { host, port }: Address): TunnelError {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const code = /connection (lost|reset)/i.test(message) ? 'ERR_DIAL_RESET' : 'ERR_DIAL_FAILED'
  // The rest of the sentence advises fetch().
  return failure(code, `${host}:${port} ${message.replace(/\. It looks like.*$/s, '')}`, { cause: thrown })
}

function resetError(thrown: unknown): TunnelError {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return failure('ERR_STREAM_RESET', message, thrown instanceof Error ? { cause: thrown } : {})
}
