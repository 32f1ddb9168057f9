// One exchange through a whole tunnel in memory, with one fault in it, and what has to hold whatever the fault: what arrives is
// a prefix of what was sent, and the end is either proven by close_notify or an error by name.
import { concat } from '../../src/bytes/index.js'
import { TunnelError } from '../../src/errors.js'
import { type Dialer, type DialerOptions, dialerOn } from '../../src/index.js'
import { type Identity, loadIdentity } from '../../src/pki/index.js'
import { type MemoryPairOptions, memoryPlatform } from '../../src/platform/memory/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import type { Platform } from '../../src/platform/platform.js'
import { Connection, type TunnelSocket, takeWire, tunnelSocket, type Wire } from '../../src/stream/index.js'
import { pingFraming } from '../../src/tunnel/index.js'
import { tlsServer } from '../conformance/far-end.js'
import { createAuthority } from '../support/certificates.js'
import { ScriptedServer, ScriptedServer12 } from '../support/tls-server/index.js'
import { sample } from '../support/traffic.js'
import { upgradeServer } from '../support/upgrade-server.js'
import { farWebSocket } from './far-framing.js'

export interface Shape {
  readonly framing: 'direct' | 'alpn' | 'alpn-ping' | 'websocket'
  readonly version: '1.3' | '1.2'
  /** TLS around the upgrade; a direct tunnel has none of its own. */
  readonly outer: boolean
}

export const shapes: readonly Shape[] = (['1.3', '1.2'] as const).flatMap((version) => [
  { framing: 'direct', version, outer: false } as const,
  ...(['alpn', 'alpn-ping', 'websocket'] as const).flatMap((framing) =>
    [true, false].map((outer) => ({ framing, version, outer })),
  ),
])

export interface Fault {
  /**
   * What happens to the path, or to one of its ends; `none` leaves it alone. `stall`: it takes no more and does not say so,
   * while the server, which does not wait for our end there, ends cleanly.
   */
  readonly kind: 'none' | 'fin' | 'rst' | 'silence' | 'stall'
  /** `up` is from the client. */
  readonly direction: 'up' | 'down'
  /** Bytes that get through first. */
  readonly at: number
  /** Largest chunk that arrives, both ways. */
  readonly chop?: number
  /** Milliseconds from write to arrival, both ways. */
  readonly latency?: number
  /** Bytes under way until a write waits. */
  readonly capacity?: number
}

export interface Result {
  /** `whole`, or the code of the error that ended it. */
  readonly end: string
  /** What does not hold; undefined when everything does. */
  readonly violation: string | undefined
  /** Bytes that travelled on the wire. */
  readonly up: number
  readonly down: number
}

/** The server's application, once the tunnel is open. */
export type FarApplication = (wire: Wire, server: Connection) => void

export interface Opened {
  readonly dialer: Dialer
  /** Everything of the server's side. */
  destroy(): void
}

export interface Stage {
  /** A dialer whose tunnels end at `application`. */
  open(
    shape: Shape,
    path: MemoryPairOptions,
    application: FarApplication,
    options?: Partial<DialerOptions>,
    /** Bytes after which the way up takes no more. */
    stall?: number,
  ): Opened
  run(shape: Shape, fault: Fault): Promise<Result>
  /** Called with everything that has to be collectable once its case is over. */
  watch: (object: object) => void
}

export interface StageOptions {
  readonly request?: number
  readonly response?: number
  /** Milliseconds until a tunnel that neither goes on nor ends is a violation. */
  readonly patience?: number
  readonly plant?: Plant
}

/** A bug to be found: what stands between the product and its applications, or between it and its path. */
export interface Plant {
  /** What the client's application reads and writes. */
  near?(wire: Wire): Wire
  /** What the server's does. */
  far?(wire: Wire): Wire
  /** The client's end of the path. */
  path?(wire: Wire): Wire
  /** Every socket the client was given. */
  got?(socket: object): void
}

export async function createFaultStage(options: StageOptions = {}): Promise<Stage> {
  const { request: asked = 400, response: answered = 700, patience = 20_000, plant = {} } = options
  const authority = await createAuthority({ key: 'ed25519' })
  // Ed25519: a signature of the same length each time, so that an offset means the same in every exchange.
  const [outer, inner, alice] = await Promise.all([
    authority.issue({ names: ['lb.test'], key: 'ed25519' }),
    authority.issue({ names: ['inner.test'], key: 'ecdsa-p256' }),
    authority.issue({ commonName: 'alice', usage: 'client', key: 'ed25519' }),
  ])
  const identityOf = ({ chain, privateKey }: typeof outer) =>
    loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
  const identities = {
    outer: await identityOf(outer),
    inner: await identityOf(inner),
    alice: await identityOf(alice),
  }
  const request = sample(asked)
  const response = sample(answered).map((byte) => byte ^ 0x55)
  const stage: Stage = {
    watch: () => {},
    open(shape, path, application, options = {}, stall = Number.POSITIVE_INFINITY) {
      const servers: Connection[] = []
      const serve = (wire: Wire): void => {
        const server = new Connection(wire, { clock: () => performance.now(), limits: { linger: 200 } })
        servers.push(server)
        stage.watch(server)
        // A server whose connection failed is gone, as a process would be.
        server.closed.catch(() => server.destroy())
        const planted: FarApplication = (far) => application(plant.far?.(far) ?? far, server)
        answer(server, shape, identities, planted).catch(() => server.destroy())
      }
      const platform = memoryPlatform({ crypto: nodeCrypto, now: Date.now, serve, path })
      const dialer = dialerOn(withPath(withStall(platform, stall), plant), {
        origin: shape.framing === 'direct' || shape.outer ? 'https://lb.test' : 'http://lb.test',
        originTrust: authority.certificate,
        trust: authority.certificate,
        identity: identities.alice,
        serverName: 'inner.test',
        alpn: ['app'],
        mode: shape.framing,
        ...options,
      })
      stage.watch(dialer)
      return {
        dialer: withNear(dialer, plant),
        destroy() {
          for (const server of servers) server.destroy()
        },
      }
    },
    run: (shape, fault) => exchange(stage, shape, fault, { request, response, patience }),
  }
  return stage
}

async function exchange(
  stage: Stage,
  shape: Shape,
  fault: Fault,
  { request, response, patience }: Exchange,
): Promise<Result> {
  const count = { up: 0, down: 0 }
  const heard: Heard = { bytes: [], clean: false, over: false, late: false }
  const abort = new AbortController()
  const impatient = fault.kind === 'silence' || fault.kind === 'stall'
  const wait = fault.kind === 'silence' ? 120 : fault.kind === 'stall' ? 500 : patience
  let hung = false
  const { dialer, destroy } = stage.open(
    shape,
    pathOf(fault, count),
    answering(heard, response, fault.kind === 'stall'),
    {
      timeouts: { connect: wait, upgrade: wait, handshake: wait, linger: impatient ? 50 : 2_000 },
      signal: abort.signal,
    },
    fault.kind === 'stall' ? fault.at : undefined,
  )
  const got: Uint8Array[] = []
  let end = 'whole'
  let stuck: NodeJS.Timeout | undefined
  let giveUp!: () => void
  const hanging = new Promise<never>((_, reject) => {
    giveUp = () => {
      hung = true
      reject(new Error('it hangs'))
    }
  })
  hanging.catch(() => {})
  try {
    const socket = await dialer.connect()
    stage.watch(socket)
    stuck = setTimeout(() => {
      // Silence ends when somebody loses patience; anything else has to end by itself.
      abort.abort()
      if (impatient) stuck = setTimeout(giveUp, patience)
      else giveUp()
    }, wait)
    const written = write(socket.writable, request)
    written.catch(() => {})
    try {
      for (const reader = socket.readable.getReader(); ; ) {
        const { done, value } = await Promise.race([reader.read(), hanging])
        if (done) break
        got.push(value)
      }
      await Promise.race([written, hanging])
      await Promise.race([socket.closed, hanging])
    } finally {
      socket.closed.catch(() => {})
    }
  } catch (error) {
    end = error instanceof TunnelError ? error.code : `not named: ${String(error)}`
  } finally {
    clearTimeout(stuck)
    await dialer.close().catch(() => {})
    destroy()
  }
  const delivered = concat(...heard.bytes)
  const violation =
    (hung ? 'nobody said that it ended' : undefined) ??
    (heard.late ? 'the server got bytes after the end' : undefined) ??
    (heard.clean && delivered.length !== request.length && !cutsShort(shape, fault)
      ? 'the server saw a clean end of a part'
      : undefined) ??
    problem(end, fault, concat(...got), response) ??
    (end === 'whole' && delivered.length < request.length
      ? 'a clean end of a writer that was not taken at its word'
      : undefined) ??
    (isPrefix(delivered, request) ? undefined : 'the server got what the client never sent')
  return { end, violation, ...count }
}

/** RFC 5246 §7.2.1: who is told close_notify says the same at once and drops what it would still write. Its writes fail. */
function cutsShort({ version }: Shape, { kind }: Fault): boolean {
  return kind === 'stall' && version === '1.2'
}

interface Exchange {
  readonly request: Uint8Array<ArrayBuffer>
  readonly response: Uint8Array<ArrayBuffer>
  readonly patience: number
}

interface Heard {
  readonly bytes: Uint8Array[]
  clean: boolean
  /** It was told an end, clean or not. */
  over: boolean
  /** Bytes came after that. */
  late: boolean
}

/** Answers the first bytes, and ends after the client, or at once. */
function answering(heard: Heard, response: Uint8Array, hurried: boolean): FarApplication {
  return (wire, server) => {
    let answered = false
    wire.start({
      data(chunk) {
        heard.late ||= heard.over
        heard.bytes.push(chunk)
        if (answered) return
        answered = true
        void Promise.resolve(wire.write([response.slice(0, 300), response.slice(300)])).catch(() => {})
        if (hurried) void Promise.resolve(wire.end()).catch(() => {})
      },
      end(cause) {
        heard.clean = cause === undefined
        heard.over = true
        if (cause === undefined) void Promise.resolve(wire.end()).catch(() => {})
        else server.destroy()
      },
      fail: () => {
        heard.over = true
        server.destroy()
      },
    })
  }
}

function problem(end: string, fault: Fault, received: Uint8Array, response: Uint8Array): string | undefined {
  if (!isPrefix(received, response)) return 'what arrived is no prefix of what was sent'
  if (end === 'whole')
    return received.length === response.length ? undefined : `a clean end after ${received.length} bytes`
  if (!/^ERR_/.test(end)) return end
  if (end === 'ERR_INTERNAL') return end
  if (fault.kind === 'none') return `${end} without a fault`
  return undefined
}

function isPrefix(part: Uint8Array, whole: Uint8Array): boolean {
  return part.length <= whole.length && part.every((byte, i) => byte === whole[i])
}

function pathOf(
  { kind, direction, at, chop, latency, capacity }: Fault,
  count: { up: number; down: number },
): MemoryPairOptions {
  const loss = kind === 'none' || kind === 'stall' ? {} : { loss: { after: at, how: kind } }
  // Asked once for every chunk and every piece of it: what was not asked for before is new.
  const counting = (way: 'up' | 'down') => {
    let left = 0
    return (waiting: number) => {
      if (left === 0) {
        count[way] += waiting
        left = waiting
      }
      const part = Math.min(waiting, chop ?? waiting)
      left -= part
      return part
    }
  }
  return {
    ...(latency !== undefined && { latency }),
    ...(capacity !== undefined && { capacity }),
    forth: { chop: counting('up'), ...(direction === 'up' && loss) },
    back: { chop: counting('down'), ...(direction === 'down' && loss) },
  }
}

async function write(writable: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter()
  await writer.write(bytes.slice(0, 100))
  await writer.write(bytes.slice(100))
  await writer.close()
}

function withPath(platform: Platform, { path }: Plant): Platform {
  const { dialTcp } = platform
  if (path === undefined || dialTcp === undefined) return platform
  return { ...platform, dialTcp: async (...dial) => path(await dialTcp(...dial)) }
}

/** A way up that takes so many bytes, and then nothing, not even the end. */
function withStall(platform: Platform, after: number): Platform {
  const { dialTcp } = platform
  if (after === Number.POSITIVE_INFINITY || dialTcp === undefined) return platform
  return {
    ...platform,
    async dialTcp(...dial) {
      const wire = await dialTcp(...dial)
      const never = new Promise<void>(() => {})
      let left = after
      return {
        ...wire,
        write(chunks) {
          const bytes = concat(...chunks)
          const part = bytes.subarray(0, left)
          left -= part.length
          if (part.length === bytes.length) return wire.write([part])
          if (part.length > 0) void wire.write([part])
          return never
        },
        end: () => (left > 0 ? wire.end() : never),
      }
    },
  }
}

function withNear(dialer: Dialer, { near, got }: Plant): Dialer {
  if (near === undefined && got === undefined) return dialer
  return {
    ...dialer,
    connect: async (options) => {
      const socket = await dialer.connect(options)
      const planted: TunnelSocket<typeof socket.info> =
        near === undefined ? socket : tunnelSocket(near(socket[takeWire]()), socket.info)
      got?.(planted)
      return planted
    },
  }
}

/** The far end: its layers from the wire up, then its application. */
async function answer(
  server: Connection,
  { framing, version, outer }: Shape,
  identities: Readonly<Record<'outer' | 'inner', Identity>>,
  application: FarApplication,
): Promise<void> {
  const script = ({ chain, signer }: Identity) => ({ crypto: nodeCrypto, chain, signer })
  if (framing !== 'direct') {
    if (outer) await server.push(tlsServer(new ScriptedServer(script(identities.outer))))
    await server.push(upgradeServer())
    if (framing === 'alpn-ping') await server.push(pingFraming())
    if (framing === 'websocket') await server.push(farWebSocket())
  }
  const options = { ...script(identities.inner), alpn: 'app', request: {} }
  const tls =
    version === '1.3'
      ? new ScriptedServer(options)
      : (new ScriptedServer12(options) as unknown as ScriptedServer)
  await server.push(tlsServer(tls))
  application(server.wire(), server)
}
