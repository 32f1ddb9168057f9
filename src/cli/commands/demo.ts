// `underpass demo`: the main job on one machine, from a checkout. A real PostgreSQL client runs real queries
// through a load balancer that ends TLS, over inner mutual TLS that the load balancer cannot see.
import { resolve } from 'node:path'
import type { TunnelInfo } from '../../dial/index.js'
import { duplex } from '../../duplex/index.js'
import { failure } from '../../errors-node.js'
import { untilAborted } from '../aborted.js'
import type { Call, Command } from '../command.js'
import type { Listener } from '../demo/listener.js'
import type { QueryReport } from '../demo/queries.js'
import type { Stage } from '../demo/stage.js'
import { ladder } from '../ladder.js'
import type { Output } from '../output.js'
import { demoSchema } from '../schemas.js'
import { inTenths } from '../tenths.js'

export const demo: Command = {
  name: 'demo',
  summary: 'the main job on this machine, from a checkout',
  usage: 'underpass demo [options]',
  details: `
Starts a database, a gateway and a load balancer in this process, dials through them with mutual TLS
inside, runs queries with a real PostgreSQL client, and stays up with a local port for psql.`,
  options: [
    { flag: 'once', describe: 'end after the queries' },
    {
      flag: 'data',
      value: 'DIR',
      describe: 'where the database keeps its files',
      fallback: '.demo',
      alsoEnv: 'UNDERPASS_DEMO_DATA',
    },
  ],
  examples: [
    { line: 'underpass demo', does: 'see both handshakes, then connect psql to the port it names' },
    { line: 'underpass demo --once --json', does: 'one object with verdict, TLS and timings' },
  ],
  schema: demoSchema,
  maxOperands: 0,
  run,
}

/** The object of --json. Times are milliseconds. */
export interface DemoReport {
  readonly schema: 'underpass/demo/1'
  readonly ok: true
  readonly verdict: TunnelInfo['verdict']
  readonly evidence: readonly string[]
  readonly framing: TunnelInfo['framing']
  readonly tls: {
    readonly version: string
    readonly suite: string
    readonly group: string
    readonly alpn: string | undefined
    readonly serverName: string | undefined
    readonly clientCertificate: boolean
  }
  readonly rows: number
  readonly bytes: number
  readonly timings: Readonly<Record<string, number>>
}

async function run({ settings, output, json, signal }: Call): Promise<number> {
  const { buildStage } = await import('../demo/stage.js')
  const stage = await buildStage(resolve(settings.text('data') ?? '.demo'), output)
  try {
    const { report, info, version } = await mainJob(stage, output, signal)
    const listener = settings.on('once') ? undefined : await listen(stage, output)
    try {
      if (json) output.json({ ...report, ...(listener && { listen: listener.port }) })
      else explain(stage, info, report, version, output)
      if (listener !== undefined) await stayUp(listener.port, output, signal)
      return 0
    } finally {
      await listener?.close()
    }
  } finally {
    await stage[Symbol.asyncDispose]()
  }
}

async function mainJob(
  stage: Stage,
  output: Output,
  signal: AbortSignal,
): Promise<{ report: DemoReport; info: TunnelInfo; version: string }> {
  let done = output.progress(`dial ${stage.origin}: detect, upgrade, inner mutual TLS`)
  const socket = await stage.dialer.connect({ signal })
  const info = socket.info
  done(`verdict ${info.verdict}`)
  if (!info.tls.clientCertificate)
    throw failure('ERR_INTERNAL', 'the gateway asked for no client certificate')

  const begun = performance.now()
  const { runQueries } = await import('../demo/queries.js')
  let finish = () => {}
  let queries: QueryReport
  try {
    queries = await runQueries(
      () => duplex(socket),
      (what) => {
        finish()
        done = output.progress(what)
        finish = () => done()
      },
    )
    finish()
  } finally {
    await socket.close().catch(() => {})
  }
  const { version, suite, group, alpn, serverName, clientCertificate } = info.tls
  const report: DemoReport = {
    schema: 'underpass/demo/1',
    ok: true,
    verdict: info.verdict,
    evidence: info.evidence,
    framing: info.framing,
    tls: { version, suite, group, alpn, serverName, clientCertificate },
    rows: queries.rows,
    bytes: queries.bytes,
    timings: inTenths({ ...info.timings, queries: performance.now() - begun }),
  }
  return { report, info, version: queries.version }
}

function explain(
  stage: Stage,
  info: TunnelInfo,
  report: DemoReport,
  version: string,
  { say, style }: Output,
): void {
  say('')
  for (const line of ladder(stage.events.slice(0, firstDataEvent(stage)), style, 'gateway')) say(line)
  say('')
  say(style.bold('Why an upgrade?'))
  for (const line of info.evidence) say(`  ${line}`)
  say('')
  say(`${style.bold('Inner TLS')}   ${report.tls.version} ${report.tls.suite} ${report.tls.group}`)
  say(
    `${style.bold('ALPN, SNI')}   ${report.tls.alpn}, ${report.tls.serverName}: both unseen by the load balancer`,
  )
  say(`${style.bold('Client')}      certificate of alice, checked by the gateway`)
  say(
    `${style.bold('Database')}    PostgreSQL ${version}: ${report.rows} rows, ${(report.bytes / 2 ** 20).toFixed(1)} MiB checked`,
  )
  const phases = Object.entries(report.timings).map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
  say(`${style.bold('Timings')}     ${phases.join(' · ')} ms`)
}

/** Events after the handshake are data; the ladder shows how it came about. */
function firstDataEvent(stage: Stage): number {
  const last = stage.events.findLastIndex(
    ({ event }) => event.type === 'message' && event.name === 'finished',
  )
  return last < 0 ? stage.events.length : last + 1
}

async function listen(stage: Stage, output: Output): Promise<Listener> {
  const { startListener } = await import('../demo/listener.js')
  return startListener(
    () => duplex(stage.dialer),
    (error) => output.say(`${output.style.red(error.code)} ${error.message}`),
  )
}

async function stayUp(port: number, { say, style }: Output, signal: AbortSignal): Promise<void> {
  say('')
  say(`Still here. Every connection to port ${port} goes the same way; Ctrl-C ends it.`)
  say(`  ${style.cyan(`psql "host=127.0.0.1 port=${port} user=postgres dbname=postgres sslmode=disable"`)}`)
  await untilAborted(signal)
  say('closing')
}
