// `underpass demo`: the main job on one machine with nothing to install. A real PostgreSQL client runs real queries
// through a load balancer that ends TLS, over inner mutual TLS that the load balancer cannot see.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { TunnelInfo } from '../../dial/index.js'
import { duplex } from '../../duplex/index.js'
import { failure } from '../../errors.js'
import { ladder } from '../demo/ladder.js'
import { type Listener, startListener } from '../demo/listener.js'
import { type QueryReport, runQueries } from '../demo/queries.js'
import { buildStage, type Stage } from '../demo/stage.js'
import { createOutput, type Output } from '../output.js'

export const demoHelp: string = `Usage: underpass demo [--once] [--json] [--data DIR]

Starts a database, a gateway and a load balancer in this process, dials through them with mutual TLS inside,
runs queries with a real PostgreSQL client, and stays up with a local port for psql.

  --once       exit 0 after the queries
  --json       print one JSON object on stdout (implies --quiet for the rest)
  --quiet      nothing on stderr
  --no-color   no colours (NO_COLOR works too)
  --data DIR   where the database keeps its files (UNDERPASS_DEMO_DATA, default .demo)

Examples:
  underpass demo
  underpass demo --once --json
`

/** The object of --json. Times are milliseconds. */
export interface DemoReport {
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

export async function demo(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean' },
      json: { type: 'boolean' },
      quiet: { type: 'boolean' },
      'no-color': { type: 'boolean' },
      data: { type: 'string', default: process.env.UNDERPASS_DEMO_DATA ?? '.demo' },
    },
  })
  const output = createOutput({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    quiet: values.quiet === true || values.json === true,
    ...(values['no-color'] === true && { color: false }),
  })
  const stage = await buildStage(resolve(values.data), output)
  try {
    const { report, info, version } = await mainJob(stage, output, signal)
    const listener = values.once === true ? undefined : await listen(stage, output)
    try {
      if (values.json === true)
        output.data(JSON.stringify({ ...report, ...(listener && { listen: listener.port }) }))
      else explain(stage, info, report, version, output)
      if (listener !== undefined) await stayUp(listener.port, output, signal)
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

function inTenths(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 10) / 10]))
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

function listen(stage: Stage, output: Output): Promise<Listener> {
  return startListener(
    () => duplex(stage.dialer),
    (error) => output.say(`${output.style.red(error.code)} ${error.message}`),
  )
}

async function stayUp(port: number, { say, style }: Output, signal: AbortSignal): Promise<void> {
  say('')
  say(`Still here. Every connection to port ${port} goes the same way; Ctrl-C ends it.`)
  say(`  ${style.cyan(`psql "host=127.0.0.1 port=${port} user=postgres dbname=postgres sslmode=disable"`)}`)
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  say('closing')
}
