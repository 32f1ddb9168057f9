// Many tunnels in one process: each is dialed, sends bursts of random size, compares every byte that comes back, ends with
// both sides finished, and is replaced by another. Whatever ends otherwise is told, with all that this side knows of it.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { dialerOn } from '../../src/dial/index.js'
import type { Dialer, TunnelInfo, TunnelSocket } from '../../src/index.js'
import { nodePlatform } from '../../src/platform/node/index.js'
import type { Platform } from '../../src/platform/platform.js'
import { tellLateness } from './lateness.js'
import { fits, piece, random } from './pattern.js'
import { obey, tell, type Weight, weight } from './processes.js'

export interface ClientSetup {
  readonly origin: string
  readonly originTrust: string
  readonly trust: string
  readonly serverName: string
  readonly identity: { readonly certificate: string; readonly privateKey: string }
  readonly seed: number
  /** Mean milliseconds that a tunnel lives. */
  readonly life: number
  /** A minute for everything, instead of the defaults. */
  readonly patient: boolean
  /** Mean milliseconds between the bursts of a tunnel. */
  readonly think: number
}

export type ClientOrder =
  | { readonly do: 'be'; readonly setup: ClientSetup }
  /** Have so many tunnels from now on. */
  | { readonly do: 'hold'; readonly tunnels: number }
  | { readonly do: 'rotate'; readonly identity: ClientSetup['identity'] }
  | { readonly do: 'skew'; readonly milliseconds: number }
  /** From now on tunnels end when they have lived long enough. */
  | { readonly do: 'age' }
  | { readonly do: 'weigh' }
  /** How many tunnels are open. */
  | { readonly do: 'count' }
  /** Finish every tunnel; answers when all have ended. */
  | { readonly do: 'finish' }

/** An end that was not both sides finishing. */
export interface End {
  readonly phase: 'dial' | 'tunnel'
  readonly mode: string
  readonly code: string
  /** What was said with the code, and by what it was caused. */
  readonly reason: string
  /** What the tunnel was at; of a dial, the error's phase. */
  readonly doing: string
  /** The client's TCP port, by which load balancer and gateway know it too; 0 where no connection was made. */
  readonly port: number
  /** Bytes sent and bytes that came back, and whether we had ended already. */
  readonly flow?: Readonly<Pick<Flow, 'sent' | 'received' | 'closing'>>
  /** Milliseconds since 1970, by the real clock: when the dial began, the tunnel opened, and it ended. */
  readonly began: number
  readonly opened?: number
  readonly at: number
}

export interface Tally {
  readonly open: number
  readonly opened: number
  /** Both sides finished, and every byte had come back. */
  readonly clean: number
  readonly sent: number
  readonly received: number
  readonly checksumErrors: number
  /** Tunnels by the fingerprint of the certificate that the gateway showed. */
  readonly servers: Readonly<Record<string, number>>
}

export interface ClientWeight extends Weight, Tally {}

const modes = ['websocket', 'alpn', 'alpn-ping'] as const
const dialsAtOnce = 24
const patience = { connect: 60_000, upgrade: 60_000, handshake: 60_000, linger: 60_000 }
const largestBurst = 65_536

let setup: ClientSetup
let dialer: Dialer
let skew = 0
let wanted = 0
let running = 0
let dialing = 0
let aging = false
let finishing = new AbortController()
let next: () => number
let serial = 0
const tally = { open: 0, opened: 0, clean: 0, sent: 0, received: 0, checksumErrors: 0 }
const servers: Record<string, number> = {}
/** Which dial a connection is made for. */
const dialed = new AsyncLocalStorage<{ port: number }>()

tellLateness()
obey<ClientOrder>(async (order): Promise<unknown> => {
  switch (order.do) {
    case 'be': {
      setup = order.setup
      next = random(setup.seed)
      const { origin, originTrust, trust, serverName } = setup
      const node = nodePlatform({ outbound: 'none' })
      const platform: Platform = {
        ...node,
        now: () => Date.now() + skew,
        async dialTcp(address, options) {
          const wire = await node.dialTcp!(address, options)
          const link = dialed.getStore()
          const { localPort = 0 } = wire.facts ?? {}
          if (link !== undefined) link.port = Number(localPort)
          return wire
        },
      }
      dialer = dialerOn(platform, {
        origin,
        originTrust,
        trust,
        serverName,
        identity: () => setup.identity,
        // A crowd on few cores: slow is not what is looked for here.
        ...(setup.patient ? { timeouts: patience } : {}),
        keepAlive: { interval: 10_000, timeout: 0 },
      })
      return {}
    }
    case 'hold':
      wanted = order.tunnels
      finishing = new AbortController()
      // Every tunnel that pauses listens.
      setMaxListeners(0, finishing.signal)
      fill()
      return {}
    case 'age':
      aging = true
      return {}
    case 'rotate':
      setup = { ...setup, identity: order.identity }
      return {}
    case 'skew':
      skew = order.milliseconds
      return {}
    case 'weigh':
      return { ...weight(), ...tally, servers } satisfies ClientWeight
    case 'count':
      return tally.open
    case 'finish':
      wanted = 0
      finishing.abort()
      while (running > 0) await sleep(20)
      return {}
  }
})

function fill(): void {
  while (running < wanted && dialing < dialsAtOnce) {
    running++
    live().finally(() => {
      running--
      fill()
    })
  }
}

async function live(): Promise<void> {
  const began = Date.now()
  const mode = modes[Math.floor(next() * modes.length)]!
  const link = { port: 0 }
  const socket = await dialed.run(link, () => dial(began, mode, link))
  if (socket === undefined) {
    // Nobody is helped by a client that asks again at once.
    await sleep(200 + next() * 800, undefined, { signal: finishing.signal }).catch(() => {})
    return
  }
  tally.open++
  const opened = Date.now()
  const flow: Flow = { sent: 0, received: 0, closing: false, doing: 'opened', caughtUp: () => {} }
  try {
    await talk(socket, flow)
    tally.clean++
  } catch (error) {
    const { sent, received, closing, doing } = flow
    const end: End = {
      phase: 'tunnel',
      mode,
      ...wordsOf(error),
      doing,
      port: link.port,
      flow: { sent, received, closing },
      began,
      opened,
      at: Date.now(),
    }
    tell({ end })
  } finally {
    tally.open--
    await socket.close()
  }
}

async function dial(
  began: number,
  mode: (typeof modes)[number],
  link: { readonly port: number },
): Promise<TunnelSocket<TunnelInfo> | undefined> {
  dialing++
  try {
    const socket = await dialer.connect({ mode, alpn: [next() < 0.25 ? 'soak-ping' : 'soak'] })
    tally.opened++
    const serialNumber = Buffer.from(socket.info.tls.peer.leaf.serialNumber).toString('hex')
    servers[serialNumber] = (servers[serialNumber] ?? 0) + 1
    return socket
  } catch (error) {
    const doing = (error as { readonly phase?: string }).phase ?? 'unknown'
    const end: End = { phase: 'dial', mode, ...wordsOf(error), doing, port: link.port, began, at: Date.now() }
    tell({ end })
    return undefined
  } finally {
    dialing--
    fill()
  }
}

async function talk(socket: TunnelSocket<TunnelInfo>, flow: Flow): Promise<void> {
  const seed = ++serial * 7_919 + setup.seed
  const reading = receive(socket, seed, flow)
  const orEnd = interruptedBy(reading)
  const writer = socket.writable.getWriter()
  writer.closed.catch(() => {})
  let until: number | undefined
  do {
    flow.doing = 'sending'
    const burst = Math.ceil(largestBurst * next() ** 3 * (next() < 0.02 ? 8 : 1))
    for (let left = burst; left > 0; ) {
      const length = Math.min(left, 1 + Math.floor(next() * largestBurst))
      flow.sent += length
      tally.sent += length
      await orEnd(writer.write(piece(seed, flow.sent - length, length)))
      left -= length
    }
    flow.doing = 'waiting for the echo'
    const caughtUp = new Promise<void>((resolve) => {
      flow.caughtUp = resolve
      if (flow.received >= flow.sent) resolve()
    })
    await orEnd(caughtUp)
    flow.doing = 'pausing'
    const pause = sleep(exponential(setup.think), undefined, { signal: finishing.signal }).catch(() => {})
    // An end in the middle of a pause is noticed in it.
    await orEnd(pause)
    if (aging) until ??= performance.now() + exponential(setup.life)
  } while ((until === undefined || performance.now() < until) && !finishing.signal.aborted)
  flow.closing = true
  flow.doing = 'waiting for the end of the service'
  const closing = writer.close()
  closing.catch(() => {})
  await reading
  flow.doing = 'waiting for our own end to be taken'
  await closing
  flow.doing = 'waiting for the connection to end'
  await socket.closed
}

/**
 * Waits for a step, which fails when reading does. Not Promise.race: each race with a promise that lives as long as the
 * tunnel would stay with it until then.
 */
function interruptedBy(reading: Promise<void>): (step: Promise<unknown>) => Promise<void> {
  let broken: { readonly error: unknown } | undefined
  let interrupt = (_error: unknown): void => {}
  reading.catch((error: unknown) => {
    broken = { error }
    interrupt(error)
  })
  return (step) =>
    new Promise((resolve, reject) => {
      step.then(() => resolve(), reject)
      if (broken !== undefined) reject(broken.error)
      else interrupt = reject
    })
}

interface Flow {
  sent: number
  received: number
  /** We have ended, so the service may. */
  closing: boolean
  doing: string
  caughtUp: () => void
}

/** Reads to the end. A clean end before all came back is a silent loss, and the worst that can happen. */
async function receive(socket: TunnelSocket<TunnelInfo>, seed: number, flow: Flow): Promise<void> {
  const reader = socket.readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (flow.received + value.length > flow.sent || !fits(seed, flow.received, value)) {
      tally.checksumErrors++
      throw new Problem('CHECKSUM')
    }
    flow.received += value.length
    tally.received += value.length
    if (flow.received === flow.sent) flow.caughtUp()
  }
  if (flow.received !== flow.sent || !flow.closing) throw new Problem('SILENT_LOSS')
}

class Problem extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

function exponential(mean: number): number {
  return -mean * Math.log(1 - next())
}

const mostCauses = 4

function wordsOf(error: unknown): Pick<End, 'code' | 'reason'> {
  const { code = String(error), message = '' } = error as {
    readonly code?: string
    readonly message?: string
  }
  const words = [message]
  let cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  for (let depth = 0; cause !== undefined && depth < mostCauses; depth++) {
    words.push(`${cause.code ?? cause.name}: ${cause.message}`)
    cause = cause.cause as NodeJS.ErrnoException | undefined
  }
  return { code, reason: words.join(' < ').slice(0, 400) }
}
