// The platform without a machine: connections in memory, for tests and for trying things out on any runtime.
import type { CryptoProvider } from '../../crypto/provider.js'
import { asTunnelError } from '../../errors.js'
import type { MaybePromise } from '../../layer.js'
import type { Wire } from '../../stream/byte-stream.js'
import { abortError } from '../../stream/signal.js'
import type { Address, Platform, WebSocketWire } from '../platform.js'
import { type MemoryPairOptions, memoryPair } from './wire.js'

export { type DirectionOptions, type MemoryPairOptions, memoryPair } from './wire.js'

/** What a WebSocket dial asked for. */
export interface WebSocketRequest {
  readonly url: string
  readonly subprotocols: readonly string[]
  readonly headers: ReadonlyArray<readonly [string, string]>
}

export interface MemoryPlatformOptions {
  readonly crypto: CryptoProvider
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The server at the other end; refuses by throwing one of our errors. Without it there is no raw TCP. */
  readonly serve?: (wire: Wire, address: Address) => MaybePromise<void>
  /** A server of WebSockets: the wire carries payload only. Returns the subprotocol; refuses by throwing. */
  readonly serveWebSocket?: (wire: Wire, request: WebSocketRequest) => MaybePromise<string>
  /** What the path is like; a function decides for each dial. */
  readonly path?: MemoryPairOptions | (() => MemoryPairOptions)
  readonly systemRoots?: () => readonly Uint8Array[]
}

export function memoryPlatform(options: MemoryPlatformOptions): Platform {
  const { crypto, now, serve, serveWebSocket, systemRoots } = options
  /** Both ends, with the server at work on its own; `accept` settles before the dial does. */
  const dial = async <T>(
    signal: AbortSignal,
    accept: (wire: Wire) => MaybePromise<T>,
  ): Promise<{ wire: Wire; accepted: T }> => {
    if (signal.aborted) throw abortError(signal, 'dial')
    const [wire, far] = memoryPair(typeof options.path === 'function' ? options.path() : options.path)
    try {
      const accepted = await accept(far)
      if (signal.aborted) throw abortError(signal, 'dial')
      return { wire, accepted }
    } catch (thrown) {
      wire.destroy()
      far.destroy()
      throw asTunnelError(thrown, 'ERR_DIAL_FAILED')
    }
  }
  return {
    name: 'memory',
    crypto,
    now,
    ...(serve === undefined
      ? {}
      : {
          dialTcp: async (address, { signal, trace }) => {
            const { wire } = await dial(signal, (far) => serve(far, address))
            trace?.('tcp', { host: address.host, port: address.port })
            return wire
          },
        }),
    ...(serveWebSocket === undefined
      ? {}
      : {
          dialWebSocket: async (url, subprotocols, { signal, headers }): Promise<WebSocketWire> => {
            const { wire, accepted } = await dial(signal, (far) =>
              serveWebSocket(far, { url, subprotocols, headers: headers ?? [] }),
            )
            return { ...wire, subprotocol: accepted }
          },
        }),
    ...(systemRoots === undefined ? {} : { systemRoots }),
  }
}
