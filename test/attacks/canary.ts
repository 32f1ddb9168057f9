// An honest user beside an attack, in a process of its own: one tunnel, a small message every few milliseconds, and how
// long each took to come back.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TunnelInfo, TunnelSocket } from '../../src/index.js'
import { createDialer } from '../../src/platform/node/index.js'
import { obey } from '../soak/processes.js'

export type CanaryOrder =
  | {
      readonly do: 'sing'
      readonly origin: string
      readonly trust: string
      readonly serverName: string
      readonly identity: { readonly certificate: string; readonly privateKey: string }
    }
  /** What was measured since the last time. */
  | { readonly do: 'tell' }
  | { readonly do: 'stop' }

export interface Song {
  readonly alive: boolean
  readonly count: number
  /** Milliseconds. */
  readonly median: number
  readonly worst: number
}

const every = 5
let socket: TunnelSocket<TunnelInfo>
let alive = false
let times: number[] = []

obey<CanaryOrder>(async (order): Promise<unknown> => {
  switch (order.do) {
    case 'sing': {
      const { origin, trust, serverName, identity } = order
      const dialer = createDialer({
        origin,
        trust,
        serverName,
        identity,
        mode: 'websocket',
        outbound: 'none',
      })
      socket = await dialer.connect({ alpn: ['echo'] })
      alive = true
      sing().catch(() => {
        alive = false
      })
      return {}
    }
    case 'tell': {
      const sorted = times.sort((a, b) => a - b)
      times = []
      const median = sorted[sorted.length >> 1] ?? 0
      return { alive, count: sorted.length, median, worst: sorted.at(-1) ?? 0 } satisfies Song
    }
    case 'stop':
      await socket.close()
      return {}
  }
})

async function sing(): Promise<void> {
  const reader = socket.readable.getReader()
  const writer = socket.writable.getWriter()
  for (let note = 0; ; note++) {
    const began = performance.now()
    const word = Buffer.from(String(note).padStart(16, '0'))
    await writer.write(word)
    let back = ''
    while (back.length < word.length) {
      const { done, value } = await reader.read()
      if (done) throw new Error('ended')
      back += Buffer.from(value).toString()
    }
    if (back !== word.toString()) throw new Error('another word')
    times.push(performance.now() - began)
    await sleep(every)
  }
}
