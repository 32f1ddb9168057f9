// In workerd: one handshake, mutual as ours always is, and bulk each way over a raw socket, against the platform's own TLS
// read and written the same way. CPU is the runtime's process, whole: where the runtime does TLS it does it there.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleModule, startWorkerd } from '../support/workerd.js'
import { createCredentials } from './credentials.js'
import { startServer } from './processes.js'
import { alternate, type Benchmark, type Row } from './row.js'
import type { WorkerOrder } from './workerd-worker.js'

const MB = 1e6
const handshakes = 100
const megabytes = 128

export const workerd: Benchmark = {
  name: 'workerd',
  async run({ rounds, quick, say }) {
    const { ca, server, client } = await createCredentials()
    const listen = await startServer()
    const tls = { cert: server.chain, key: server.privateKey, ciphers: 'TLS_AES_128_GCM_SHA256' }
    // One after the other: the server answers one question at a time.
    const mutual = await listen({
      tls: { ...tls, requestCert: true, rejectUnauthorized: true, ca },
      greet: true,
    })
    const plain = await listen({ tls, greet: true })
    const bulk = await listen({ tls })
    const before = new Set(runtimes())
    await using worker = await startWorkerd({
      script: await bundleModule(join(process.cwd(), 'test', 'bench', 'workerd-worker.ts')),
      authorities: ca,
    })
    // It starts with the first call.
    const warm = { count: quick ? 2 : 30, ca } as const
    const identity = { certificate: client.chain, privateKey: client.privateKey }
    const ours = { contender: 'underpass', ca, identity } as const
    const theirs = { contender: 'platform', ca } as const
    await worker.call({ ...ours, port: mutual, do: 'handshakes', ...warm } satisfies WorkerOrder)
    await worker.call({ ...theirs, port: plain, do: 'handshakes', ...warm } satisfies WorkerOrder)
    const pid = runtimes().find((each) => !before.has(each))
    if (pid === undefined) throw new Error('the process of workerd was not found')
    const measured = async (order: WorkerOrder) => {
      const cpu = cpuOf(pid)
      const { wall } = await worker.call<{ wall: number }>(order)
      return { wall, cpu: cpuOf(pid) - cpu }
    }
    const pair = (order: Pick<WorkerOrder, 'do' | 'count'>, ports: { underpass: number; platform: number }) =>
      alternate(rounds, {
        underpass: () => measured({ ...ours, port: ports.underpass, ...order }),
        platform: () => measured({ ...theirs, port: ports.platform, ...order }),
      })

    say('workerd handshakes')
    const count = quick ? 10 : handshakes
    const shaken = await pair({ do: 'handshakes', count }, { underpass: mutual, platform: plain })
    const rows: Row[] = (['cpu', 'wall'] as const).map((cost) => ({
      name: `workerd mutual TLS 1.3 handshake${cost === 'cpu' ? ', CPU' : ''} vs the platform's without a client certificate`,
      unit: 'ms',
      better: 'less',
      ours: shaken.underpass.map((sample) => sample[cost] / count),
      against: 'secureTransport: on',
      yardstick: shaken.platform.map((sample) => sample[cost] / count),
      ...(cost === 'cpu' && { bar: { of: 'value', must: 3, aim: 2 } as const }),
    }))
    for (const way of ['download', 'upload'] as const) {
      say(`workerd ${way}`)
      const size = quick ? 8 : megabytes
      const carried = await pair({ do: way, count: size * MB }, { underpass: bulk, platform: bulk })
      rows.push(
        {
          name: `workerd AES-128-GCM ${way} vs the platform's`,
          unit: 'MB/s',
          better: 'more',
          ours: carried.underpass.map(({ wall }) => size / (wall / 1000)),
          against: 'secureTransport: on',
          yardstick: carried.platform.map(({ wall }) => size / (wall / 1000)),
          bar: { of: 'speed', must: 0.6, aim: 0.9 },
        },
        {
          name: `workerd AES-128-GCM ${way}, CPU vs the platform's`,
          unit: 'ms/MB',
          better: 'less',
          ours: carried.underpass.map(({ cpu }) => cpu / size),
          against: 'secureTransport: on',
          yardstick: carried.platform.map(({ cpu }) => cpu / size),
        },
      )
    }
    return rows
  },
}

/** Processes of workerd that this one started. */
function runtimes(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const fields = statOf(Number(name))
    return fields?.command === 'workerd' && fields.parent === process.pid ? [Number(name)] : []
  })
}

/** Milliseconds, user and system, all threads; in steps of a clock tick, ten of them. */
function cpuOf(pid: number): number {
  return (statOf(pid)?.ticks ?? 0) * 10
}

function statOf(pid: number): { command: string; parent: number; ticks: number } | undefined {
  try {
    // proc(5): the command stands in brackets; state and parent follow, user and system time are the 14th and 15th.
    const [, command = '', rest = ''] =
      /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    const fields = rest.split(' ')
    return { command, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined
  }
}
