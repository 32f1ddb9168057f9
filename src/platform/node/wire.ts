// TCP on Node: a net.Socket as a Wire, and dialing with both address families raced. Nothing above TCP enters here.
import { connect, type Socket } from 'node:net'
import { type ErrorCode, failure, type TunnelError } from '../../errors-node.js'
import type { Wire, WireEvents } from '../../stream/byte-stream.js'
import { handled, rejected } from '../../stream/deferred.js'
import { abortError } from '../../stream/signal.js'
import type { Address, WireOptions } from '../platform.js'

/** Bytes that may wait in the socket before a write asks the writer to wait. */
const UNSENT = 64 * 1024

/**
 * Connect to an address. Rejects with ERR_DIAL_DNS, _REFUSED, _UNREACHABLE, _RESET or _FAILED, and with the signal's reason
 * as one of our errors when it aborts; no socket stays behind.
 */
export function dialTcp(address: Address, options: WireOptions): Promise<Wire> {
  const { signal, trace } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal, 'dial'))
      return
    }
    const socket = connect({
      // URLs write IPv6 literals in brackets, resolvers do not know them.
      host: address.host.replace(/^\[(.*)\]$/, '$1'),
      port: address.port,
      allowHalfOpen: true,
      autoSelectFamily: true,
    })
    const onAbort = () => refuse(abortError(signal, 'dial'))
    const onError = (error: Error) => refuse(dialError(error, address))
    const onConnect = () => {
      release()
      socket.setNoDelay(true)
      const wire = wireFromSocket(socket)
      trace?.('tcp', wire.facts ?? {})
      resolve(wire)
    }
    const release = () => {
      signal.removeEventListener('abort', onAbort)
      socket.off('error', onError).off('connect', onConnect)
    }
    const refuse = (error: TunnelError) => {
      release()
      // Racing addresses may fail once more while the socket goes.
      socket.on('error', () => {})
      socket.destroy()
      reject(error)
    }
    signal.addEventListener('abort', onAbort)
    socket.on('error', onError).on('connect', onConnect)
    if (trace !== undefined)
      socket.on('lookup', (error, ip) => {
        if (!error) trace('dns', { host: address.host, address: ip })
      })
  })
}

/** A connected socket as a wire; takes it over. It should allow half-open connections. */
export function wireFromSocket(socket: Socket): Wire {
  let events: WireEvents | undefined
  let over = false
  let failed: TunnelError | undefined
  // Most wires are destroyed by who is done with them, and nobody asks why.
  const why = () => (failed ??= failure('ERR_STREAM_CLOSED'))
  const waiting = new Set<() => void>()
  const fail = (error: TunnelError) => {
    if (over) return
    over = true
    failed = error
    for (const settle of waiting) settle()
    const told = events
    events = undefined
    told?.fail(error)
  }
  const wait = (event: 'drain' | 'finish') =>
    handled(
      new Promise<void>((resolve, reject) => {
        const settle = () => {
          socket.off(event, settle)
          waiting.delete(settle)
          if (over) reject(why())
          else resolve()
        }
        waiting.add(settle)
        socket.on(event, settle)
      }),
    )
  socket.on('error', (error) => fail(resetError(error)))
  // Destroyed under our hands by someone else: there is no error event then. After both ends Node closes by itself.
  socket.on('close', () => {
    if (!over && (!socket.readableEnded || !socket.writableFinished))
      fail(failure('ERR_STREAM_RESET', 'the socket was closed'))
  })
  return {
    facts: factsOf(socket),
    start(listener) {
      events = listener
      if (over) {
        listener.fail(why())
        return
      }
      socket.on('data', (buffer: Buffer) => {
        // Not the Buffer itself: its slice() shares memory where a Uint8Array's copies.
        const busy = events?.data(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength))
        if (busy === undefined) return
        socket.pause()
        busy.then(
          () => socket.resume(),
          () => socket.destroy(),
        )
      })
      socket.on('end', () => events?.end())
    },
    write(chunks) {
      if (over) return rejected(why())
      if (chunks.length > 1) {
        socket.cork()
        for (const chunk of chunks) socket.write(chunk)
        socket.uncork()
      } else for (const chunk of chunks) socket.write(chunk)
      return socket.writableLength < UNSENT ? undefined : wait('drain')
    },
    end() {
      if (over) return rejected(why())
      socket.end()
      return socket.writableFinished ? undefined : wait('finish')
    },
    destroy(reason) {
      events = undefined
      if (!over) failed = reason
      over = true
      for (const settle of waiting) settle()
      socket.destroy()
    },
    unsent: () => socket.writableLength,
    ref(active) {
      if (active) socket.ref()
      else socket.unref()
    },
  }
}

function factsOf(socket: Socket): Readonly<Record<string, string | number>> {
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = socket
  const facts = { remoteAddress, remotePort, remoteFamily, localAddress, localPort }
  return Object.fromEntries(Object.entries(facts).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    string | number
  >
}

const dialCodes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'ERR_DIAL_REFUSED',
  ENOTFOUND: 'ERR_DIAL_DNS',
  EAI_AGAIN: 'ERR_DIAL_DNS',
  EAI_FAIL: 'ERR_DIAL_DNS',
  EAI_NODATA: 'ERR_DIAL_DNS',
  EHOSTUNREACH: 'ERR_DIAL_UNREACHABLE',
  ENETUNREACH: 'ERR_DIAL_UNREACHABLE',
  EHOSTDOWN: 'ERR_DIAL_UNREACHABLE',
  EADDRNOTAVAIL: 'ERR_DIAL_UNREACHABLE',
  // The kernel, or Node's race of addresses, gave up: our own deadline is the signal's.
  ETIMEDOUT: 'ERR_DIAL_UNREACHABLE',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'ERR_DIAL_UNREACHABLE',
  ECONNRESET: 'ERR_DIAL_RESET',
  EPIPE: 'ERR_DIAL_RESET',
}

/** What connecting failed with, as one of ours. When all addresses failed, the first one that says more than "failed" counts. */
export function dialError(error: Error, address: Address): TunnelError {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
  const systemCodes = [...errors, error].map((one) => (one as NodeJS.ErrnoException).code ?? '')
  const systemCode = systemCodes.find((one) => Object.hasOwn(dialCodes, one))
  const code = systemCode === undefined ? 'ERR_DIAL_FAILED' : dialCodes[systemCode]!
  return failure(code, `${address.host}:${address.port} ${systemCode ?? error.message}`, { cause: error })
}

function resetError(error: Error): TunnelError {
  return failure('ERR_STREAM_RESET', (error as NodeJS.ErrnoException).code ?? error.message, { cause: error })
}
