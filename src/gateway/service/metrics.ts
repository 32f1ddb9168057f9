// Prometheus metrics in a registry of their own. Labels come from the configuration and from fixed lists, never from
// clients: nobody outside can make a series.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GatewayEvent, GatewayStats } from '../events.js'

export interface Sources {
  stats(): GatewayStats
  /** 1 while new tunnels are taken. */
  ready(): boolean
  auditLost(): number
  logLost(): number
}

export interface GatewayMetrics {
  readonly contentType: string
  text(): Promise<string>
  record(event: GatewayEvent): void
  reload(ok: boolean): void
}

const handshakeBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15]
const durationBuckets = [1, 10, 60, 300, 1_800, 7_200, 28_800, 86_400]

export function createMetrics(version: string, sources: Sources): GatewayMetrics {
  const registers = [new Registry()] as const
  const [registry] = registers
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'underpass_build_info',
    help: 'Always 1.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)

  gauge('underpass_connections', 'Open sockets on both doors.', () => sources.stats().connections)
  gauge(
    'underpass_tunnels_half_open',
    'Tunnels before the end of their handshake.',
    () => sources.stats().halfOpen,
  )
  gauge('underpass_ready', '1 while new tunnels are taken.', () => (sources.ready() ? 1 : 0))
  new Gauge({
    name: 'underpass_tunnels',
    help: 'Tunnels that carry data now.',
    labelNames: ['route'],
    registers: [registry],
    collect() {
      for (const [route, { active }] of Object.entries(sources.stats().routes)) this.set({ route }, active)
    },
  })
  counted(
    'underpass_bytes_total',
    'Application bytes by route and direction.',
    ['route', 'direction'],
    (add) => {
      for (const [route, { bytesFromClient, bytesToClient }] of Object.entries(sources.stats().routes)) {
        add({ route, direction: 'from_client' }, bytesFromClient)
        add({ route, direction: 'to_client' }, bytesToClient)
      }
    },
  )
  counted('underpass_audit_lost_total', 'Audit lines that could not be written.', [], (add) =>
    add({}, sources.auditLost()),
  )
  counted('underpass_log_lost_total', 'Log lines that could not be written.', [], (add) =>
    add({}, sources.logLost()),
  )

  const openedTotal = new Counter({
    name: 'underpass_tunnels_opened_total',
    help: 'Tunnels that were opened.',
    labelNames: ['route', 'door', 'framing'],
    registers: [registry],
  })
  const ended = new Counter({
    name: 'underpass_tunnels_ended_total',
    help: "Tunnels that ended; code is ok or the error's.",
    labelNames: ['route', 'code'],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'underpass_refused_total',
    help: 'Clients and requests turned away.',
    labelNames: ['door', 'code'],
    registers: [registry],
  })
  const reloads = new Counter({
    name: 'underpass_reloads_total',
    help: 'Configurations loaded while running.',
    labelNames: ['result'],
    registers: [registry],
  })
  const opening = new Histogram({
    name: 'underpass_tunnel_opening_seconds',
    help: 'From the arrival to the open tunnel.',
    labelNames: ['door'],
    buckets: handshakeBuckets,
    registers: [registry],
  })
  const lifetime = new Histogram({
    name: 'underpass_tunnel_duration_seconds',
    help: 'How long tunnels were open.',
    labelNames: ['route'],
    buckets: durationBuckets,
    registers: [registry],
  })

  function gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  }

  // Counted elsewhere: only shown here.
  function counted(
    name: string,
    help: string,
    labelNames: string[],
    show: (add: (labels: Record<string, string>, value: number) => void) => void,
  ): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        show((labels, value) => this.inc(labels, value))
      },
    })
  }

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    reload: (ok) => reloads.inc({ result: ok ? 'ok' : 'failed' }),
    record(event) {
      if (event.type === 'opened') {
        const { route, door, framing, took } = event
        openedTotal.inc({ route, door, framing })
        opening.observe({ door }, took / 1_000)
      } else if (event.type === 'closed') {
        ended.inc({ route: event.route, code: event.error?.code ?? 'ok' })
        lifetime.observe({ route: event.route }, event.duration / 1_000)
      } else if (event.type === 'refused') refused.inc({ door: event.door, code: event.error.code })
    },
  }
}
