// The whole fault matrix in a thread: `scripts/faults.ts` starts it and hears how far it is.
import { parentPort, workerData } from 'node:worker_threads'
import { hasPeer } from '../support/peers.js'
import { startHaproxy, startNginx } from '../support/servers/index.js'
import { type Matrix, runMatrix } from './matrix.js'
import { type ProxyResult, proxyCases, runProxies } from './proxies.js'
import { runStalls, type Stalled } from './stalls.js'

export interface FaultsReport {
  readonly memory: Matrix
  readonly stalls: readonly Stalled[]
  readonly proxies: Readonly<Record<string, readonly ProxyResult[]>>
}

export type Told = { readonly done: number; readonly of: number } | { readonly report: FaultsReport }

const tell = (told: Told) => parentPort!.postMessage(told)
const { stride, offset } = workerData as { stride: number; offset: number }
// Deadlines of tunnels keep no process alive, and paths in memory have no handles.
const alive = setInterval(() => {}, 60_000)
const stalls = await runStalls()
const proxies: Record<string, readonly ProxyResult[]> = {}
for (const [peer, start] of [
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
] as const)
  if (hasPeer(peer)) proxies[peer] = await runProxies(start, proxyCases())
const memory = await runMatrix({
  stride,
  silenceStride: stride,
  offset,
  progress: (done, of) => tell({ done, of }),
})
clearInterval(alive)
tell({ report: { memory, stalls, proxies } })
