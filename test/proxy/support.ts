// What tests of local proxies stand on: a dialer whose tunnels are wires in memory to a scripted service, and clients that
// speak bytes.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ConnectOptions, Dialer, TunnelInfo } from '../../src/dial/index.js'
import type { TunnelError } from '../../src/errors.js'
import { memoryPair } from '../../src/platform/memory/index.js'
import { createProxy, type LocalProxy, type ProxyEvent, type ProxyOptions } from '../../src/proxy/index.js'
import { tunnelSocket, type Wire } from '../../src/stream/index.js'

export interface FakeDialer extends Pick<Dialer, 'connect'> {
  /** What was asked for, in order. */
  readonly asked: ConnectOptions[]
  /** The services' ends of the tunnels. */
  readonly far: Wire[]
}

/** `serve` gets the service's end of each tunnel; throwing there is a failed dial. */
export function fakeDialer(serve: (wire: Wire, options: ConnectOptions) => unknown = echo): FakeDialer {
  const asked: ConnectOptions[] = []
  const far: Wire[] = []
  return {
    asked,
    far,
    async connect(options = {}) {
      asked.push(options)
      const [near, other] = memoryPair()
      far.push(other)
      await serve(other, options)
      options.signal?.throwIfAborted()
      return tunnelSocket(
        near,
        { verdict: 'upgrade', tls: { alpn: options.alpn?.[0] } } as unknown as TunnelInfo,
        {
          closed: Promise.resolve(),
        },
      )
    },
  }
}

export function echo(wire: Wire): void {
  wire.start({
    data: (chunk) => wire.write([chunk]),
    end: () => wire.end(),
    fail() {},
  })
}

export interface World {
  readonly proxy: LocalProxy
  readonly events: readonly ProxyEvent[]
  readonly port: number
  /** The next event of a kind that was not waited for yet. */
  next<T extends ProxyEvent['type']>(type: T): Promise<Extract<ProxyEvent, { type: T }>>
  open(): Promise<Client>
}

export async function world(
  options: Omit<ProxyOptions, 'onEvent' | 'listeners'> & {
    readonly listener: Partial<ProxyOptions['listeners'][number]> & { speaks: string }
  },
): Promise<World> {
  const events: ProxyEvent[] = []
  const waiting: Array<() => void> = []
  const { listener, ...rest } = options
  const proxy = await createProxy({
    ...rest,
    listeners: [
      {
        name: 'one',
        listen: { host: '127.0.0.1', port: 0 },
        ...listener,
      } as ProxyOptions['listeners'][number],
    ],
    onEvent(event) {
      events.push(event)
      for (const wake of waiting.splice(0)) wake()
    },
  })
  const seen = new Map<string, number>()
  const port = proxy.listening[0]!.port ?? 0
  return {
    proxy,
    events,
    port,
    async next(type) {
      for (;;) {
        const of = events.filter((event) => event.type === type)
        const at = seen.get(type) ?? 0
        if (of[at] !== undefined) {
          seen.set(type, at + 1)
          return of[at] as never
        }
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    open: () => openClient(port),
  }
}

export interface Client {
  readonly socket: Socket
  write(bytes: Uint8Array | string): void
  /** Exactly so many bytes. */
  read(length: number): Promise<Buffer>
  /** Everything to the end; rejects for a reset. */
  rest(): Promise<Buffer>
}

export async function openClient(place: number | string): Promise<Client> {
  const socket =
    typeof place === 'number'
      ? connect({ port: place, host: '127.0.0.1', allowHalfOpen: true })
      : connect({ path: place, allowHalfOpen: true })
  socket.setNoDelay(true)
  socket.on('error', () => {})
  await once(socket, 'connect')
  let held = Buffer.alloc(0)
  let ended = false
  let failed: Error | undefined
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    wake()
  })
  socket.on('end', () => {
    ended = true
    wake()
  })
  socket.on('error', (error) => {
    failed = error
    wake()
  })
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  return {
    socket,
    write: (bytes) => void socket.write(bytes),
    async read(length) {
      while (held.length < length) {
        if (ended || failed !== undefined)
          throw failed ?? new Error(`ended after ${held.length} bytes: ${held.toString('latin1')}`)
        await more()
      }
      const taken = held.subarray(0, length)
      held = held.subarray(length)
      return taken
    },
    async rest() {
      while (!ended) {
        if (failed !== undefined) throw failed
        await more()
      }
      return held
    },
  }
}

/** The error's code, for events. */
export function codeOf(event: { readonly error: TunnelError | undefined }): string | undefined {
  return event.error?.code
}
