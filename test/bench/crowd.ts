// Many connections in one process: opened and left idle, or opened and closed at a steady rate; and one slow reader.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dialed, type DialOrder, dials } from './crowd-dials.js'
import type { Memory } from './gateway.js'

export type CrowdOrder =
  | (DialOrder & { readonly do: 'be' })
  | { readonly do: 'idle'; readonly count: number; readonly seconds: number }
  | { readonly do: 'rate'; readonly perSecond: number; readonly seconds: number }
  | { readonly do: 'slow'; readonly bytes: number; readonly perSecond: number }
  | { readonly do: 'connect' }

export interface Idle {
  readonly before: Memory
  readonly after: Memory
  /** Milliseconds by which the event loop was late while the tunnels pinged. */
  readonly late: number
}

export interface Rate {
  /** Milliseconds from the planned moment to the open tunnel. */
  readonly durations: readonly number[]
  readonly failures: readonly string[]
}

let dial: () => Promise<Dialed>
const open: Dialed[] = []

async function obey(order: CrowdOrder): Promise<unknown> {
  switch (order.do) {
    case 'be':
      dial = await dials[order.by](order)
      return {}
    case 'connect': {
      const began = performance.now()
      const { info } = await dial()
      return { wall: performance.now() - began, connections: info?.connections }
    }
    case 'idle':
      return idle(order.count, order.seconds)
    case 'rate':
      return rate(order.perSecond, order.seconds)
    case 'slow':
      return slow(order.bytes, order.perSecond)
  }
}

async function idle(count: number, seconds: number): Promise<Idle> {
  // What one tunnel loads is not counted for every tunnel.
  open.push(await dial())
  const before = memory()
  for (let left = count; left > 0; left -= 50)
    open.push(...(await Promise.all(Array.from({ length: Math.min(50, left) }, () => dial()))))
  await sleep(1000)
  const after = memory()
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  await sleep(1000 * seconds)
  return { before, after, late: delay.max / 1e6 }
}

async function rate(perSecond: number, seconds: number): Promise<Rate> {
  const durations: number[] = []
  const failures: string[] = []
  const began = performance.now()
  const under: Promise<void>[] = []
  for (let i = 0; i < perSecond * seconds; i++) {
    const planned = began + (1000 * i) / perSecond
    const early = planned - performance.now()
    if (early > 0) await sleep(early)
    under.push(
      dial().then(
        (dialed) => {
          durations.push(performance.now() - planned)
          return dialed.close()
        },
        (error: Error) => void failures.push(error.message),
      ),
    )
  }
  await Promise.all(under)
  return { durations, failures }
}

/** The most memory that the process had while it read slower than the server sends. */
async function slow(bytes: number, perSecond: number): Promise<{ rss: number; before: number }> {
  const stream = (await dial()).stream()
  const before = process.memoryUsage.rss()
  let rss = 0
  const watch = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss())
  }, 20)
  stream.write(`D${bytes}\n`)
  await sleep(500)
  const began = performance.now()
  let got = 0
  for await (const chunk of stream) {
    got += (chunk as Buffer).length
    if (got >= bytes) break
    const early = (1000 * got) / perSecond - (performance.now() - began)
    if (early > 2) await sleep(early)
  }
  clearInterval(watch)
  return { rss: Math.max(rss, process.memoryUsage.rss()), before }
}

function memory(): Memory {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss }
}

process.on('message', (order: CrowdOrder) => {
  obey(order)
    .then((answer) => process.send!(answer))
    .catch((error: unknown) => process.send!({ error: (error as Error).stack ?? String(error) }))
})
process.on('disconnect', () => process.exit())
