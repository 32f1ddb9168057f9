// The Node door for libraries that want a net.Socket: node:stream may enter here, no protocol and no dialing rule may.
import type { Duplex } from 'node:stream'
import { signalScope, type TunnelSocket, takeWire, withDeadline } from '../stream/index.js'
import { TunnelDuplex, type TunnelDuplexOptions } from './socket.js'

export { TunnelDuplex, type TunnelDuplexOptions } from './socket.js'

/** Whatever connects: a `Dialer`. */
export interface Connects<Options> {
  connect(options?: Options): Promise<TunnelSocket<unknown>>
}

export type DuplexSource<Options> = Connects<Options> | TunnelSocket<unknown> | Promise<TunnelSocket<unknown>>

export type DuplexOptions<Options> = Options &
  Pick<TunnelDuplexOptions, 'allowHalfOpen' | 'highWaterMark'> & { readonly signal?: AbortSignal | undefined }

/**
 * A Duplex for pg's `stream`, postgres' `socket`, mysql2's `stream`, an ioredis connector, ssh2's `sock`, undici's
 * `connect`, an http.Agent's `createConnection` and `tls.connect({ socket })`. A dialer is asked when the stream is first
 * used (read, written, connected or waited for), with `options`; errors are TunnelErrors.
 */
export function duplex<Options extends object = object>(
  source: DuplexSource<Options>,
  options?: DuplexOptions<Options>,
): TunnelDuplex & Duplex {
  const { allowHalfOpen, highWaterMark, ...rest } = options ?? ({} as DuplexOptions<Options>)
  const shape = { allowHalfOpen, highWaterMark }
  if ('readable' in source) {
    return new TunnelDuplex(async () => source, { eager: true, connected: true, ...shape })
  }
  if ('then' in source) {
    return new TunnelDuplex((signal) => awaited(source, [signal, options?.signal]), { eager: true, ...shape })
  }
  return new TunnelDuplex(async (signal) => {
    const scope = signalScope({ signals: [signal, options?.signal], phase: 'dial' })
    try {
      return await source.connect({ ...rest, signal: scope.signal } as unknown as Options)
    } finally {
      scope.dispose()
    }
  }, shape)
}

/** The tunnel of somebody else's dial, unless a signal aborts first; then it is freed whenever it comes. */
async function awaited(
  source: Promise<TunnelSocket<unknown>>,
  signals: ReadonlyArray<AbortSignal | undefined>,
): Promise<TunnelSocket<unknown>> {
  try {
    return await withDeadline({ signals, phase: 'dial' }, () => source)
  } catch (thrown) {
    // Nobody is left to hear of what fails here.
    source.then((late) => late[takeWire]().destroy()).catch(() => {})
    throw thrown
  }
}
