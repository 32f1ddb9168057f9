// The soak: an echo service, a gateway, HAProxy and clients as processes; tunnels that come and go under checked traffic
// while certificates change, clocks jump, the load balancer is reloaded and the gateway is killed; and scales beside it.
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../support/certificates.js'
import { freePort } from '../support/servers/process.js'
import { startBalancer } from './balancer.js'
import type { ClientSetup, ClientWeight, End } from './client.js'
import { type Disturbance, type DisturbanceName, explain } from './disturbances.js'
import { witnesses } from './evidence.js'
import type { Credentials, GatewayLine, GatewayWeight } from './gateway.js'
import type { Late } from './lateness.js'
import { busyBetween, processorTime, versions } from './machine.js'
import { processes, type Weight } from './processes.js'
import { type Ledger, type Sample, type SoakReport, soakReport } from './report.js'
import { rounded } from './trends.js'

export interface SoakOptions {
  /** Of the run itself; opening the first tunnels and ending the last come on top. */
  readonly minutes: number
  readonly tunnels: number
  /** Tunnels that end and are replaced, a second, at most. */
  readonly churn?: number
  /** Bytes a second, each way, over all tunnels, at most. */
  readonly rate?: number
  readonly seed?: number
  /** A minute for every deadline of gateway and clients (default), or the deadlines that they have by default. */
  readonly patient?: boolean
  readonly say?: (line: string) => void
}

const innerName = 'gateway.test'
/** Mean bytes of a burst, see `client.ts`: 64 KiB times the mean of a cube. */
const meanBurst = 18_500
const twoYears = 2 * 365 * 86_400_000

/** Rejects only where the run could not be made; what it found is in the report. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, tunnels, churn = 12, rate = 5e6, seed = 1, patient = true, say = () => {} } = options
  const [web, host, users, nextUsers] = await Promise.all(
    ['Web', 'Host', 'Users', 'Next Users'].map((name) => createAuthority({ name })),
  )
  const [outside, first, second, alice, nextAlice] = await Promise.all([
    web!.issue({ names: ['localhost', '127.0.0.1'] }),
    host!.issue({ names: [innerName] }),
    host!.issue({ names: [innerName], key: 'ecdsa-p384' }),
    users!.issue({ commonName: 'alice', usage: 'client' }),
    nextUsers!.issue({ commonName: 'alice', usage: 'client' }),
  ])
  const identityOf = ({ chain, privateKey }: typeof first) => ({ certificate: chain, privateKey })
  let credentials: Credentials = { identity: identityOf(first), clientTrust: users!.certificate }

  const life = Math.max(2_000, (1_000 * tunnels) / churn)
  const think = Math.max(20, (1_000 * meanBurst * tunnels) / rate)
  await using place = await processes('test/soak', ['gateway', 'client', 'echo'])
  const path = witnesses()
  const listen = (name: string) => (what: unknown) => {
    const told = what as { readonly end?: End; readonly gateway?: GatewayLine; readonly late?: Late }
    if (told.end !== undefined) path.ended(told.end)
    if (told.gateway !== undefined) path.gatewaySaid(told.gateway)
    if (told.late !== undefined) path.wasLate(name, told.late)
  }
  const echo = await place.start('echo', listen('echo'))
  const service = await echo.ask<number>({ do: 'listen' })
  const port = await freePort()
  const startGateway = async () => {
    const started = await place.start('gateway', listen('gateway'))
    await started.ask({ do: 'listen', port, service, credentials, patient })
    return started
  }
  let gateway = await startGateway()
  await using balancer = await startBalancer(port, outside, tunnels, path.balancerSaid)
  const clients = await Promise.all([1, 2].map((number) => place.start('client', listen(`client ${number}`))))
  await Promise.all(
    clients.map((client, index) => {
      const setup: ClientSetup = {
        origin: `https://localhost:${balancer.port}`,
        originTrust: web!.certificate,
        trust: host!.certificate,
        serverName: innerName,
        identity: identityOf(alice),
        seed: seed + index,
        life,
        think,
        patient,
      }
      return client.ask({ do: 'be', setup })
    }),
  )
  const all = (order: object) => Promise.all(clients.map((client) => client.ask(order)))
  const hold = (count: number) =>
    Promise.all(
      clients.map((client, index) =>
        client.ask({ do: 'hold', tunnels: Math.floor((count + index) / clients.length) }),
      ),
    )

  const ledger: Ledger = {
    samples: [],
    disturbances: [],
    gatewayEnds: [],
    before: undefined,
    after: undefined,
  }
  const weigh = async () => {
    const [gatewayNow, echoNow, ...clientsNow] = await Promise.all([
      gateway.ask<GatewayWeight>({ do: 'weigh' }),
      echo.ask<Weight>({ do: 'weigh' }),
      ...clients.map((client) => client.ask<ClientWeight>({ do: 'weigh' })),
    ])
    return { at: Date.now(), process: gateway.pid, gateway: gatewayNow, echo: echoNow, clients: clientsNow }
  }
  const openNow = async () =>
    (await Promise.all(clients.map((client) => client.ask<number>({ do: 'count' })))).reduce(
      (sum, open) => sum + open,
      0,
    )
  const openAtLeast = async (count: number, milliseconds: number) => {
    const until = performance.now() + milliseconds
    while (performance.now() < until) {
      if ((await openNow()) >= count) return
      await sleep(250)
    }
  }

  // What is loaded lazily is loaded before anything is weighed.
  await hold(20)
  await openAtLeast(20, 60_000)
  await all({ do: 'finish' })
  const warm = await weigh()
  ledger.before = warm
  let spoken = performance.now()
  const progress = ({ clients: seen }: Sample) => {
    if (performance.now() - spoken < 30_000) return
    spoken = performance.now()
    const sum = (pick: (client: ClientWeight) => number) => seen.reduce((all, each) => all + pick(each), 0)
    const { riddles } = explain(path.ends, ledger.disturbances, path.gatewayOn)
    // One of a disturbance that is not over yet is explained when it is.
    say(
      `${sum(({ open }) => open)} open, ${sum(({ clean }) => clean)} ended well, ${path.ends.length} otherwise, ` +
        `${riddles.length} unexplained, ${Math.round(sum(({ received }) => received) / 1e6)} MB came back`,
    )
  }
  const began = performance.now()
  await hold(tunnels)
  // None ends before all are open: a machine that opens slowly would never have them all.
  await openAtLeast(0.99 * tunnels, 600_000)
  await all({ do: 'age' })
  const opening = performance.now() - began
  say(`${await openNow()} tunnels open after ${(opening / 1_000).toFixed(1)} s`)

  async function disturb(what: DisturbanceName, act: () => Promise<unknown>): Promise<void> {
    const open = await openNow()
    const from = Date.now()
    await act()
    const disturbance: Disturbance = { what, from, to: Date.now(), open }
    ledger.disturbances.push(disturbance)
    say(`${what}, ${open} tunnels open`)
  }
  const jump = Math.min(3_000, minutes * 3_000)
  const skewed = (milliseconds: number, target: (order: object) => Promise<unknown>) => async () => {
    await target({ do: 'skew', milliseconds })
    await sleep(jump)
    await target({ do: 'skew', milliseconds: 0 })
  }
  const kill = async () => {
    ledger.gatewayEnds.push(await gateway.ask<GatewayWeight>({ do: 'weigh' }))
    await gateway.kill()
    await sleep(Math.min(1_000, minutes * 1_000))
    gateway = await startGateway()
  }
  const identities = [first, second].map(identityOf)
  const clientIdentities = [alice, nextAlice].map(identityOf)
  let rotations = 0
  const rotate = async () => {
    rotations++
    // As it is done in life: first both authorities, then new certificates.
    credentials = {
      identity: identities[rotations % 2]!,
      clientTrust: users!.certificate + nextUsers!.certificate,
    }
    await gateway.ask({ do: 'rotate', service, credentials })
    await all({ do: 'rotate', identity: clientIdentities[rotations % 2]! })
  }
  const acts: ReadonlyArray<readonly [DisturbanceName, () => Promise<unknown>]> = [
    ['certificates rotated', rotate],
    ['load balancer reloaded', balancer.reload],
    ['gateway killed', kill],
    ['clients two years ahead', skewed(twoYears, all)],
    ['clients two years behind', skewed(-twoYears, all)],
    ['gateway two years ahead', skewed(twoYears, (order) => gateway.ask(order))],
  ]
  // Each twice, in the first parts of the run; the rest is quiet but for the churn, and there the slopes are taken.
  const plan = [...acts, ...acts].map(([what, act], at) => ({ what, act, due: 0.02 + 0.04 * at }))
  const quietFrom = 0.55
  const start = performance.now()
  const beganAt = Date.now()
  const length = minutes * 60_000
  const every = Math.min(10_000, length / 60)
  const processor = processorTime()
  let processorQuiet = processor
  let next = 0
  while (performance.now() - start < length) {
    const now = (performance.now() - start) / length
    const due = plan[next]
    if (due !== undefined && now >= due.due) {
      next++
      await disturb(due.what, due.act)
    }
    const quiet = next === plan.length && now >= quietFrom
    if (!quiet) processorQuiet = processorTime()
    const sample = await weigh()
    ledger.samples.push({ ...sample, quiet })
    progress(sample)
    await sleep(every)
  }
  for (; next < plan.length; next++) await disturb(plan[next]!.what, plan[next]!.act)
  const processorEnd = processorTime()
  const load = loadavg()

  say('finishing')
  const ending = performance.now()
  await all({ do: 'finish' })
  // What the far processes still hold of the last tunnels goes when their ends have crossed.
  for (let turn = 0; turn < 100 && (await weigh()).gateway.tunnels > 0; turn++) await sleep(50)
  ledger.after = await weigh()
  return soakReport(ledger, path, {
    minutes,
    tunnels,
    versions: versions(),
    patient,
    pace: { tunnelsReplacedPerSecond: churn, bytesPerSecondEachWay: rate, life, pause: think },
    machine: {
      cores: cpus().length,
      busy: rounded(busyBetween(processor, processorEnd)),
      busyWhileQuiet: rounded(busyBetween(processorQuiet, processorEnd)),
      loadAverage: load.map(rounded),
    },
    began: beganAt,
    opening: opening / 1_000,
    ending: (performance.now() - ending) / 1_000,
  })
}
