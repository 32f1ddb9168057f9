// The gateway as a whole: both doors, the tunnels behind them, what is told about them, and how all of it ends.
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { errorProse } from '../error-prose.js'
import { failure, installProse, type TunnelError } from '../errors-node.js'
import { Admission } from './admission.js'
import { type Carrier, goodbye } from './carrier.js'
import { checkRoutes, checkSettings, type ListenSettings } from './config.js'
import { consolePages } from './console.js'
import { directListener } from './direct-listener.js'
import type { Door, GatewayEvent, GatewayStats } from './events.js'
import { addressGroup } from './forwarded.js'
import type { GatewayOptions, Reloadable } from './options.js'
import { serveRoutes } from './served-route.js'
import { type Arrival, openTunnel, type Tunnel } from './tunnel.js'
import { TunnelBook } from './tunnel-book.js'
import { upgradeListener } from './upgrade-listener.js'

export interface GatewayAddress {
  readonly host: string
  readonly port: number
}

export interface CloseOptions {
  /** Milliseconds that open tunnels are given to finish by themselves. Default 0. */
  readonly deadline?: number
}

export interface Gateway {
  /** Where the doors are; real ports, also where 0 was asked for. */
  readonly addresses: { readonly upgrade?: GatewayAddress; readonly direct?: GatewayAddress }
  stats(): GatewayStats
  /** New certificates and routes for new tunnels. Throws ERR_GATEWAY_CONFIG and then keeps the old ones. */
  reload(options: Reloadable): void
  /** Stop accepting, let tunnels finish until the deadline, then say 1001 and drop the rest. Leaves no handle. */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

installProse(errorProse)

/** Rejects with ERR_GATEWAY_CONFIG (naming the key) or ERR_GATEWAY_LISTEN. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const settings = checkSettings(options)
  const { timeouts, limits } = settings
  const serving = {
    timeout: timeouts.handshake + 1_000,
    buffer: limits.buffer,
    requestHead: limits.requestHead,
  }
  let routes = serveRoutes(checkRoutes(options), serving)

  const sockets = new Set<Socket>()
  const tunnels = new Set<Tunnel>()
  // The total is counted in sockets, below: there the longest wait makes room.
  const admission = new Admission(Number.POSITIVE_INFINITY, limits.connectionsPerAddress)
  const book = new TunnelBook(emit)
  const waiting = new Set<Socket>()
  const halfOpen = new Set<Tunnel>()
  let closing: Promise<void> | undefined

  function emit(event: GatewayEvent): void {
    try {
      options.onEvent?.(event)
    } catch {
      // An observer's failure is its own; a tunnel must not end of it.
    }
  }

  const door = (name: Door) => ({
    get closing() {
      return closing !== undefined
    },
    refuse: () => options.refuse?.(),
    admit: (address: string) => admission.enter(addressGroup(address)),
    refused: (error: TunnelError, address: string) => book.refused({ door: name, address }, error),
    arrived: (carrier: Carrier, arrival: Arrival, socket: Socket) => {
      waiting.delete(socket)
      if (halfOpen.size >= limits.halfOpen) dropOldest('limits.halfOpen')
      const report = book.reportFor(arrival, () => halfOpen.delete(tunnel))
      const tunnel: Tunnel = openTunnel(carrier, routes, settings, arrival, report)
      tunnels.add(tunnel)
      halfOpen.add(tunnel)
      tunnel.done.then(() => {
        tunnels.delete(tunnel)
        halfOpen.delete(tunnel)
      })
    },
  })

  // Who has waited longest to prove anything goes first: an honest client is done in a moment, and takes its place again.
  function dropOldest(limit: string): boolean {
    const error = failure('ERR_GATEWAY_LIMIT', limit)
    const [tunnel] = halfOpen
    if (tunnel === undefined) return false
    halfOpen.delete(tunnel)
    tunnel.cut(error)
    return true
  }

  function makeRoom(name: Door): boolean {
    const [socket] = waiting
    if (socket === undefined) return dropOldest('limits.connections')
    const address = socket.remoteAddress ?? 'unknown'
    waiting.delete(socket)
    sockets.delete(socket)
    socket.destroy()
    book.refused({ door: name, address }, failure('ERR_GATEWAY_LIMIT', 'limits.connections'))
    return true
  }

  const listeners: Array<{ name: Door; server: Server | HttpServer; at: ListenSettings }> = []
  if (settings.upgrade !== undefined) {
    const server = upgradeListener(settings, door('upgrade'), await consolePages(settings.upgrade.console))
    listeners.push({ name: 'upgrade', server, at: settings.upgrade })
  }
  if (settings.direct !== undefined) {
    const server = directListener(settings, door('direct'))
    listeners.push({ name: 'direct', server, at: settings.direct })
  }
  for (const { name, server } of listeners) {
    // Ahead of the server's own listener, so that nothing is parsed for a socket over the limit.
    server.prependListener('connection', (socket: Socket) => {
      if (sockets.size >= limits.connections && !makeRoom(name)) {
        book.refused(
          { door: name, address: socket.remoteAddress ?? 'unknown' },
          failure('ERR_GATEWAY_LIMIT', 'limits.connections'),
        )
        socket.destroy()
        return
      }
      sockets.add(socket)
      if (name === 'upgrade') waiting.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        waiting.delete(socket)
      })
    })
  }

  const addresses: { upgrade?: GatewayAddress; direct?: GatewayAddress } = {}
  try {
    for (const { name, server, at } of listeners) {
      addresses[name] = await listen(name, server, at)
    }
  } catch (error) {
    await Promise.all(listeners.map(({ server }) => stopListening(server)))
    throw error
  }
  for (const { name, server } of listeners) {
    // As when file descriptors ran out: what cannot be accepted now must not end what is open.
    server.on('error', (cause: Error & { readonly code?: string }) =>
      book.refused({ door: name, address: 'unknown' }, failure('ERR_GATEWAY_LIMIT', cause.code, { cause })),
    )
    emit({ type: 'listening', door: name, ...addresses[name]! })
  }

  async function shutDown(deadline: number): Promise<void> {
    emit({ type: 'closing', tunnels: tunnels.size })
    const stopped = listeners.map(({ server }) => stopListening(server))
    await within(deadline, allDone(tunnels))
    const error = failure('ERR_ABORTED', 'the gateway is closing')
    for (const tunnel of tunnels) tunnel.abort(error, goodbye.goingAway)
    // Each tunnel grants its peer `linger` and then drops it; what is no tunnel gets nothing.
    await allDone(tunnels)
    await Promise.all([...sockets].map(destroyed))
    await Promise.all(stopped)
    retire(routes)
    emit({ type: 'closed-gateway' })
  }

  const close = ({ deadline = 0 }: CloseOptions = {}): Promise<void> => (closing ??= shutDown(deadline))
  return {
    addresses,
    stats: () => ({
      connections: sockets.size,
      tunnels: tunnels.size,
      halfOpen: halfOpen.size,
      ...book.stats(),
    }),
    reload(replacement) {
      const old = routes
      routes = serveRoutes(checkRoutes(replacement), serving)
      retire(old)
      emit({ type: 'reloaded', routes: routes.length })
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

/** Connections that HTTP routes keep to their services would outlive the routes. */
function retire(routes: ReturnType<typeof serveRoutes>): void {
  for (const { http } of routes) http?.retire()
}

function listen(name: Door, server: Server, at: ListenSettings): Promise<GatewayAddress> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error & { readonly code?: string }) => {
      const where = `listen.${name}: ${at.host}:${at.port}, ${cause.code ?? 'failed'}`
      reject(failure('ERR_GATEWAY_LISTEN', where, { cause }))
    }
    server.once('error', failed)
    server.listen({ host: at.host, port: at.port }, () => {
      server.off('error', failed)
      const { address, port } = server.address() as AddressInfo
      resolve({ host: address, port })
    })
  })
}

/** Resolves when the last socket is gone. */
function stopListening(server: Server | HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    if ('closeIdleConnections' in server) server.closeIdleConnections()
  })
}

function destroyed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.destroy()
  })
}

async function allDone(tunnels: ReadonlySet<Tunnel>): Promise<void> {
  while (tunnels.size > 0) {
    await Promise.all([...tunnels].map((tunnel) => tunnel.done))
    await Promise.resolve()
  }
}

/** Waits no longer than `ms`; the clock stops with the wait, or it would keep the process up. */
async function within(ms: number, wait: Promise<void>): Promise<void> {
  if (ms === 0) return
  let timer: NodeJS.Timeout | undefined
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([wait, elapsed])
  clearTimeout(timer)
}
