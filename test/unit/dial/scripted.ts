// Layers and wires that do as a script says, so that decisions are tested without TLS or sockets. One entry of a script is
// one connection: what its outer TLS, its upgrade and its inner TLS do. Everything the dialer asked for is recorded.

import { latin1 } from '../../../src/bytes/index.js'
import { dialerBy } from '../../../src/dial/dialer.js'
import type { Layers } from '../../../src/dial/run.js'
import { overTcpWith } from '../../../src/dial/tcp.js'
import type { UnderLayers } from '../../../src/dial/tcp-run.js'
import { type ErrorCode, type FailureOptions, failure } from '../../../src/errors.js'
import { type Dialer, type DialerOptions, dangerously } from '../../../src/index.js'
import type { Layer } from '../../../src/layer.js'
import type { ChainExpectation, Identity } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import type { Platform } from '../../../src/platform/platform.js'
import type { Wire, WireEvents } from '../../../src/stream/index.js'
import type { TlsClientOptions, TlsInfo } from '../../../src/tls/index.js'
import type { TimedTraceEvent } from '../../../src/trace.js'
import { type UpgradeOptions, upgrade } from '../../../src/tunnel/index.js'

/** Fails with the code, or never answers, or opens. */
export type Outcome<Open> = { fail: ErrorCode; with?: FailureOptions } | 'silence' | Open

export interface Selected {
  readonly alpn?: string
  readonly version?: TlsInfo['version']
  /** DNS names of the certificate. */
  readonly names?: readonly string[]
}

export interface ScriptedConnection {
  readonly tcp?: Outcome<'open'>
  readonly outer?: Outcome<Selected>
  readonly upgrade?: Outcome<'101'>
  readonly inner?: Outcome<Selected>
}

export interface TlsRecordOfAsking {
  readonly connection: number
  readonly place: 'outer' | 'inner'
  readonly options: TlsClientOptions
  /** What `expect` said for the protocol selected. */
  expected: readonly ChainExpectation[]
  identity: Identity | undefined
}

export interface World {
  readonly dialer: Dialer
  readonly connections: number
  /** Wires that were opened and not destroyed. */
  readonly open: number
  readonly tls: readonly TlsRecordOfAsking[]
  readonly upgrades: readonly UpgradeOptions[]
  readonly pushed: readonly string[]
  readonly trace: readonly TimedTraceEvent[]
  steps(name: string): ReadonlyArray<Readonly<Record<string, string | number | boolean>>>
}

export interface WorldOptions extends Partial<DialerOptions> {
  readonly clock?: () => number
}

/** Stands for an identity: only its presence is looked at. */
export const identity: Identity = { scripted: true } as never

export function scripted(script: readonly ScriptedConnection[], given: WorldOptions = {}): World {
  const { clock, ...options } = given
  let connections = 0
  const wires = new Set<Wire>()
  const tls: TlsRecordOfAsking[] = []
  const upgrades: UpgradeOptions[] = []
  const pushed: string[] = []
  const trace: TimedTraceEvent[] = []
  const current = () => script[connections - 1] ?? {}
  // Which TLS of the connection is being made, by what was made on it before.
  let place: 'outer' | 'inner' = 'outer'

  const platform: Platform = {
    name: 'memory',
    crypto: nodeCrypto,
    now: () => 0,
    ...(clock && { monotonic: clock }),
    async dialTcp(_address, { signal }) {
      connections++
      place = new URL(options.origin ?? 'https://lb.test').protocol === 'https:' ? 'outer' : 'inner'
      const outcome = current().tcp ?? 'open'
      if (outcome === 'silence') {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
      if (typeof outcome === 'object') throw failure(outcome.fail, undefined, outcome.with)
      const wire = silentWire(() => wires.delete(wire))
      wires.add(wire)
      return wire
    },
  }

  const layers: Layers & UnderLayers = {
    loadIdentity: async () => identity,
    tls(given) {
      const asked: TlsRecordOfAsking = {
        connection: connections,
        place,
        options: given,
        expected: [],
        identity: undefined,
      }
      tls.push(asked)
      const outcome: Outcome<Selected> = (place === 'outer' ? current().outer : current().inner) ?? {}
      place = 'inner'
      return scriptedLayer<TlsInfo, Selected>('tls', outcome, async (selected) => {
        const { alpn } = selected
        asked.expected = given.expect?.({ alpn }) ?? []
        const request = { alpn, serverName: given.serverName, authorities: [], signatureSchemes: [] }
        asked.identity = typeof given.identity === 'function' ? await given.identity(request) : given.identity
        if (alpn === undefined && given.alpnPolicy === 'required') throw failure('ERR_TLS_ALPN_UNSELECTED')
        const altNames = (selected.names ?? []).map((text) => ({ kind: 2, text, bytes: latin1(text) }))
        return { version: 'TLSv1.3', ...selected, alpn, peer: { leaf: { altNames } } } as unknown as TlsInfo
      })
    },
    upgrade(given) {
      // The real one judges the options; the dialer tries them out before it dials anything.
      upgrade(given)
      if (connections > 0) upgrades.push(given)
      const framing = ({ websocket: 'websocket', alpn: 'raw', 'alpn-ping': 'ping' } as const)[given.protocol]
      const outcome = current().upgrade ?? '101'
      return scriptedLayer('upgrade', outcome, async () => ({ status: 101 as const, framing }))
    },
    webSocket: () => framing('websocket', pushed),
    ping: () => framing('ping', pushed),
  }

  const dialer = dialerBy(
    overTcpWith(layers),
    platform,
    {
      origin: 'https://lb.test',
      originTrust: dangerously.anyCertificate('scripted outer'),
      trust: dangerously.anyCertificate('scripted inner'),
      alpn: ['app'],
      trace: (event) => trace.push(event),
      ...options,
    },
    layers,
  )

  return {
    dialer,
    get connections() {
      return connections
    },
    get open() {
      return wires.size
    },
    tls,
    upgrades,
    pushed,
    trace,
    steps: (name) =>
      trace.flatMap(({ event }) => (event.type === 'step' && event.name === name ? [event.facts] : [])),
  }
}

function silentWire(destroyed: () => void): Wire {
  let events: WireEvents | undefined
  return {
    start(given) {
      events = given
    },
    write() {},
    end() {
      // A peer that ends when we do.
      queueMicrotask(() => events?.end())
    },
    destroy: destroyed,
  }
}

function framing(name: string, pushed: string[]): Layer<Record<string, never>> {
  const layer = scriptedLayer(name, 'open' as const, async () => {
    pushed.push(name)
    return {}
  })
  return { ...layer, ping() {} }
}

function scriptedLayer<Info, Open>(
  name: string,
  outcome: Outcome<Open>,
  open: (value: Open) => Promise<Info>,
): Layer<Info> {
  return {
    name,
    async start(sink) {
      if (outcome === 'silence') return
      if (typeof outcome === 'object' && outcome !== null && 'fail' in outcome) {
        throw failure(outcome.fail, undefined, outcome.with)
      }
      sink.open(await open(outcome as Open))
    },
    receive: (chunk, sink) => sink.up(chunk),
    send: (chunk, sink) => sink.down(chunk),
    end: (sink) => sink.finish(),
    eof: (cause, sink) => sink.eof(cause),
  }
}
