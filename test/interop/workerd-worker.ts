// What runs inside workerd for the tests beside it: dials as it is told, does one thing with the tunnel, and tells what it
// saw as JSON. Needs nothing of Node and no test runner.
import { TunnelError } from '../../src/errors.js'
import { loadIdentity } from '../../src/pki/index.js'
import {
  createDialer,
  type TunnelInfo,
  type TunnelSocket,
  type WorkerDialerOptions,
  workerdPlatform,
} from '../../src/platform/workerd/index.js'
import { Connection, tunnelSocket } from '../../src/stream/index.js'
import { tlsClient } from '../../src/tls/index.js'
import { echoes, readAll, readExactly, sample, send } from '../support/traffic.js'

export interface Told {
  readonly info?: TunnelInfo
  readonly error?: { readonly code: string; readonly phase: string; readonly evidence: readonly string[] }
  readonly text?: string
  readonly bytes?: number
  readonly digest?: string
  /** Names of trace steps, in order. */
  readonly steps: readonly string[]
}

export interface Ask {
  readonly act: 'echo' | 'count' | 'slow' | 'hold' | 'abort' | 'wire' | 'tls' | 'detect' | 'cut'
  readonly dialer: WorkerDialerOptions
  /** Bytes. */
  readonly size?: number
  /** URL: `GET <control>/<name>` is answered when the test says so. */
  readonly control?: string
  /** For `wire` and `tls`: sent, and as many bytes waited for; without a number, all to the end. */
  readonly text?: string
  readonly answer?: number
  /** End writing before reading. */
  readonly half?: boolean
  /** How often, one after the other. */
  readonly times?: number
}

export async function answer(request: Request): Promise<Response> {
  const ask = (await request.json()) as Ask
  const steps: string[] = []
  const told = (more: object): Response => Response.json({ ...more, steps })
  const trace: WorkerDialerOptions['trace'] = ({ layer, event }) => {
    if (layer === 'dial' && event.type === 'step') steps.push(event.name)
  }
  try {
    return told(await act(ask, trace))
  } catch (thrown) {
    if (!(thrown instanceof TunnelError))
      return told({ error: { code: String(thrown), phase: '', evidence: [] } })
    const { code, phase, evidence } = thrown
    return told({ error: { code, phase, evidence: [...evidence, thrown.message] } })
  }
}

async function act(ask: Ask, trace: WorkerDialerOptions['trace']): Promise<Omit<Told, 'steps'>> {
  const { size = 0, control = '' } = ask
  if (ask.act === 'wire' || ask.act === 'tls') return overWire(ask)
  await using dialer = createDialer({ ...ask.dialer, ...(trace && { trace }) })
  if (ask.act === 'detect') {
    const { verdict, connections } = await dialer.detect()
    return { text: verdict, bytes: connections }
  }
  if (ask.act === 'abort') {
    const abort = new AbortController()
    const dialing = dialer.connect({ signal: abort.signal })
    dialing.catch(() => {})
    await fetch(`${control}/abort`)
    abort.abort()
    const code = await dialing.then(
      () => 'open',
      (error: TunnelError) => error.code,
    )
    // The request goes on: what is freed now is freed by us.
    await fetch(`${control}/freed`)
    return { text: code }
  }
  let socket: TunnelSocket<TunnelInfo> | undefined
  for (let time = ask.times ?? 1; time > 0; time--) {
    await socket?.close()
    socket = await dialer.connect()
  }
  const open = socket!
  const { info } = open
  if (ask.act === 'echo') {
    await echoes(open, sample(size), 100_000)
    await open.close()
    await open.closed
    return { info, bytes: size }
  }
  if (ask.act === 'count') {
    await send(open.writable, sample(size), 100_000)
    await open.writable.close()
    return { info, text: new TextDecoder().decode(await readAll(open.readable)) }
  }
  if (ask.act === 'slow') {
    const reader = open.readable.getReader()
    const first = await reader.read()
    await fetch(`${control}/read`)
    reader.releaseLock()
    const rest = await readAll(open.readable)
    const whole = new Uint8Array((first.value?.length ?? 0) + rest.length)
    whole.set(first.value ?? [])
    whole.set(rest, first.value?.length ?? 0)
    return { bytes: whole.length, digest: await digestOf(whole) }
  }
  if (ask.act === 'hold') {
    await fetch(`${control}/close`)
    await dialer.close()
    await fetch(`${control}/freed`)
    return { info }
  }
  // `cut`: how a stream ends that the other side ended badly.
  await readAll(open.readable)
  return { text: 'ended' }
}

/** By the platform alone: the bare wire, or TLS on it. */
async function overWire({
  act,
  dialer,
  text = '',
  answer: length = 0,
  half = false,
}: Ask): Promise<Omit<Told, 'steps'>> {
  const { hostname, port } = new URL(dialer.origin)
  const platform = workerdPlatform()
  const { signal } = new AbortController()
  const isTls = act === 'tls'
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const wire = await platform.dialTcp!({ host, port: Number(port) }, { signal, isTls })
  const connection = new Connection(wire, { clock: () => performance.now() })
  const name = dialer.serverName ?? 'localhost'
  const identity =
    isTls && dialer.identity !== undefined
      ? await loadIdentity(dialer.identity as never, platform.crypto)
      : undefined
  const info = isTls
    ? await connection.push(
        tlsClient({
          crypto: platform.crypto,
          now: () => Date.now(),
          serverName: name,
          trust: dialer.trust,
          ...(identity && { identity }),
        }),
      )
    : undefined
  const socket = tunnelSocket(connection.wire(), info, { closed: connection.closed })
  await send(socket.writable, new TextEncoder().encode(text))
  if (half) await socket.writable.close()
  const told = length === 0 ? await readAll(socket.readable) : await readExactly(socket.readable, length)
  await socket.close()
  return {
    text: new TextDecoder().decode(told),
    ...(info && { digest: [info.version, info.clientCertificate, info.peer.verified].join(' ') }),
  }
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
