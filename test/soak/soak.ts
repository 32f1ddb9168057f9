// The soak: an echo service, a gateway, HAProxy and clients as processes; tunnels that come and go under checked traffic
// while certificates change, clocks jump, the load balancer is reloaded and the gateway is killed; and scales beside it.
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../support/certificates.js'
import { temporaryFolder, writeCertificate } from '../support/files.js'
import { requireProgram } from '../support/peers.js'
import { freePort, type ServerProcess, startProcess } from '../support/servers/process.js'
import type { ClientSetup, ClientWeight } from './client.js'
import type { Disturbance, DisturbanceName } from './disturbances.js'
import type { Credentials, GatewayWeight } from './gateway.js'
import { type Peer, processes, type Weight } from './processes.js'
import { type Ledger, type SoakReport, soakReport } from './report.js'

export interface SoakOptions {
  /** Of the run itself; opening the first tunnels and ending the last come on top. */
  readonly minutes: number
  readonly tunnels: number
  /** Tunnels that end and are replaced, a second, at most. */
  readonly churn?: number
  /** Bytes a second, each way, over all tunnels, at most. */
  readonly rate?: number
  readonly seed?: number
  readonly say?: (line: string) => void
}

const innerName = 'gateway.test'
/** Mean bytes of a burst, see `client.ts`: 64 KiB times the mean of a cube. */
const meanBurst = 18_500
const twoYears = 2 * 365 * 86_400_000

/** Rejects only where the run could not be made; what it found is in the report. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, tunnels, churn = 12, rate = 5e6, seed = 1, say = () => {} } = options
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

  await using place = await processes('test/soak', ['gateway', 'client', 'echo'])
  const echo = await place.start('echo')
  const service = await echo.ask<number>({ do: 'listen' })
  const port = await freePort()
  const startGateway = async () => {
    const started = await place.start('gateway')
    await started.ask({ do: 'listen', port, service, credentials })
    return started
  }
  let gateway = await startGateway()
  await using haproxy = await startHaproxy(port, outside, tunnels)
  const clients = await Promise.all([place.start('client'), place.start('client')])
  await Promise.all(
    clients.map((client, index) => {
      const setup: ClientSetup = {
        origin: `https://localhost:${haproxy.port}`,
        originTrust: web!.certificate,
        trust: host!.certificate,
        serverName: innerName,
        identity: identityOf(alice),
        seed: seed + index,
        life: Math.max(2_000, (1_000 * tunnels) / churn),
        think: Math.max(20, (1_000 * meanBurst * tunnels) / rate),
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
  const openNow = async () => (await weigh()).clients.reduce((sum, { open }) => sum + open, 0)
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
  const began = performance.now()
  await hold(tunnels)
  await openAtLeast(0.99 * tunnels, 300_000)
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
  const skewed =
    (who: object, milliseconds: number, target: (order: object) => Promise<unknown>) => async () => {
      await target({ ...who, do: 'skew', milliseconds })
      await sleep(jump)
      await target({ ...who, do: 'skew', milliseconds: 0 })
    }
  const kill = async () => {
    ledger.gatewayEnds.push(await gateway.ask<GatewayWeight>({ do: 'weigh' }))
    await gateway.kill()
    await sleep(Math.min(1_000, minutes * 1_000))
    gateway = await startGateway()
  }
  const reload = async () => {
    const reloads = count(haproxy.log(), /Loading success/g)
    process.kill(haproxy.pid, 'SIGUSR2')
    while (count(haproxy.log(), /Loading success/g) === reloads) await sleep(20)
  }
  const rotate = async () => {
    // As it is done in life: first both authorities, then new certificates.
    credentials = { identity: identityOf(second), clientTrust: users!.certificate + nextUsers!.certificate }
    await gateway.ask({ do: 'rotate', service, credentials })
    await all({ do: 'rotate', identity: identityOf(nextAlice) })
  }
  // In parts of the run; the rest of it is quiet but for the churn, and there the slopes are taken.
  const plan: ReadonlyArray<readonly [number, DisturbanceName, () => Promise<unknown>]> = [
    [0.04, 'certificates rotated', rotate],
    [0.08, 'load balancer reloaded', reload],
    [0.12, 'gateway killed', kill],
    [0.26, 'clients two years ahead', skewed({}, twoYears, all)],
    [0.3, 'clients two years behind', skewed({}, -twoYears, all)],
    [0.34, 'gateway two years ahead', skewed({}, twoYears, (order) => gateway.ask(order))],
    [0.38, 'gateway killed', kill],
    [0.5, 'load balancer reloaded', reload],
  ]
  const quietFrom = 0.6
  const start = performance.now()
  const length = minutes * 60_000
  const every = Math.min(5_000, length / 60)
  let next = 0
  while (performance.now() - start < length) {
    const now = (performance.now() - start) / length
    const due = plan[next]
    if (due !== undefined && now >= due[0]) {
      next++
      await disturb(due[1], due[2])
    }
    const sample = await weigh()
    ledger.samples.push({ ...sample, quiet: next === plan.length && now >= quietFrom })
    await sleep(every)
  }
  for (; next < plan.length; next++) await disturb(plan[next]![1], plan[next]![2])

  say('finishing')
  const ending = performance.now()
  await all({ do: 'finish' })
  // What the far processes still hold of the last tunnels goes when their ends have crossed.
  for (let turn = 0; turn < 100 && (await weigh()).gateway.tunnels > 0; turn++) await sleep(50)
  ledger.after = await weigh()
  return soakReport(ledger, {
    minutes,
    tunnels,
    opening: opening / 1_000,
    ending: (performance.now() - ending) / 1_000,
  })
}

/** HAProxy as a service runs it: a master that can be reloaded, and no tunnel cut for it. */
async function startHaproxy(
  upstream: number,
  certificate: { readonly chain: string; readonly privateKey: string },
  tunnels: number,
): Promise<ServerProcess> {
  const folder = await temporaryFolder('soak')
  const port = await freePort()
  const { both } = await writeCertificate(folder, 'srv', certificate)
  const config = await folder.write(
    'haproxy.cfg',
    `global
  maxconn ${2 * tunnels + 200}
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout tunnel 120s
  timeout http-request 60s
  # A gateway that was killed is asked again a moment later, not for the client to see.
  retries 0
frontend fe
  bind 127.0.0.1:${port} ssl crt ${both} alpn http/1.1
  default_backend be
backend be
  server s1 127.0.0.1:${upstream}
`,
  )
  return startProcess({
    command: requireProgram('haproxy'),
    args: ['-W', '-db', '-f', config],
    port,
    ready: /Loading success/,
    cleanup: folder.remove,
  })
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

export type { Peer }
