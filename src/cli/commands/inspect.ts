// `underpass inspect`: one tunnel, watched: every message of both handshakes, the chain with what was checked, timings.
import { setTimeout } from 'node:timers/promises'
import type { TunnelInfo } from '../../dial/index.js'
import { failure } from '../../errors-node.js'
import type { TunnelSocket } from '../../stream/index.js'
import type { TimedTraceEvent } from '../../trace.js'
import { certificateFacts, certificateFactsSchema, tlsFacts, tlsFactsSchema } from '../certificate-facts.js'
import type { Call, Command } from '../command.js'
import { dialerOptions, dialOptions, originOf } from '../dial-options.js'
import { ladder } from '../ladder.js'
import { lateRefusal } from '../late-refusal.js'
import type { Output } from '../output.js'
import {
  count,
  flag,
  listOf,
  milliseconds,
  oneOf,
  record,
  report,
  type Schema,
  text,
  texts,
  timings,
} from '../schemas.js'
import { inTenths, tenths } from '../tenths.js'

const eventSchema: Schema = record(
  { at: milliseconds, layer: text, type: text },
  { direction: oneOf('sent', 'received'), what: text },
)

export const inspect: Command = {
  name: 'inspect',
  summary: 'one tunnel under a magnifying glass: handshakes, chain, checks, timings',
  usage: 'underpass inspect [options] <origin>',
  details: `
Opens one tunnel as any client would, draws both handshakes as a ladder, and shows the chain of the inner
server with everything that was checked, and how long each phase took. The tunnel is closed again after the
few round trips in which a server may still refuse the certificate; no application data is sent. With
--keylog the secrets of this one tunnel are written for Wireshark, to a file that only its owner can read.
The report is on stdout.

Exit status: 0 the tunnel opened; otherwise why it did not, after the ladder up to that point.`,
  options: dialOptions,
  examples: [
    {
      line: 'underpass inspect --trust host-ca.pem --alpn teleport-postgres proxy.example.com',
      does: 'see how a PostgreSQL tunnel comes about',
    },
    {
      line: 'underpass inspect --tsh --preset ssh --keylog keys.txt --json proxy.example.com',
      does: 'with an existing login; the facts as one object, the secrets for Wireshark',
    },
  ],
  schema: report(
    'inspect',
    1,
    {
      ok: { const: true },
      origin: text,
      verdict: oneOf('direct', 'upgrade'),
      evidence: texts,
      framing: oneOf('none', 'raw', 'ping', 'websocket'),
      innerPing: flag,
      connections: count,
      tls: tlsFactsSchema,
      chain: listOf(certificateFactsSchema),
      checks: texts,
      timings,
      events: listOf(eventSchema),
    },
    { outerTls: tlsFactsSchema, keylog: text },
  ),
  run,
}

async function run({ operands, settings, output, json, signal }: Call): Promise<number> {
  const { createDialer } = await import('../../platform/node/index.js')
  const options = await dialerOptions(settings, operands[0] === undefined ? undefined : originOf(operands[0]))
  if ((options.alpn ?? []).length === 0)
    throw failure('ERR_CONFIG_INVALID', 'no application protocol is named', {
      hint: 'Name one with --alpn, or a service with --preset.',
    })
  const events: TimedTraceEvent[] = []
  await using dialer = createDialer({ ...options, trace: (event) => void events.push(event) })
  const done = output.progress(`dial ${options.origin}`)
  const opened = dialer.connect({ signal }).then(async (socket) => {
    try {
      await refusal(socket, signal)
      return socket.info
    } finally {
      await socket.close().catch(() => {})
    }
  })
  const info = await opened.catch((thrown: unknown) => {
    if (!json) for (const line of ladder(events, output.dataStyle, 'server')) output.data(line)
    throw thrown
  })
  done(`verdict ${info.verdict}`)
  const handshakes = events.slice(0, 1 + events.findLastIndex(({ event }) => isFinished(event)))
  const checks = checksOf(handshakes)
  const chain = info.tls.peer.path.map(certificateFacts)
  const tls = tlsFacts(info.tls)
  const keylog = settings.text('keylog')
  if (json) {
    output.json({
      schema: 'underpass/inspect/1',
      ok: true,
      origin: options.origin,
      verdict: info.verdict,
      evidence: info.evidence,
      framing: info.framing,
      innerPing: info.innerPing,
      connections: info.connections,
      tls,
      ...(info.outerTls && { outerTls: tlsFacts(info.outerTls) }),
      chain,
      checks,
      timings: inTenths({ ...info.timings }),
      events: handshakes.flatMap(plain),
      ...(keylog !== undefined && { keylog }),
    })
    return 0
  }
  const { data, dataStyle: style } = output
  for (const line of ladder(handshakes, style, 'server')) data(line)
  data('')
  const row = (name: string, value: string) => data(`${style.bold(name.padEnd(12))} ${value}`)
  row('Verdict', `${info.verdict}: ${info.evidence.join('; ')}`)
  if (info.outerTls !== undefined) row('Outer TLS', describeTls(tlsFacts(info.outerTls)))
  row('Inner TLS', describeTls(tls))
  row('Framing', `${info.framing}${info.innerPing ? ', and pings inside TLS' : ''}`)
  row('Client', tls.clientCertificate ? 'certificate asked for and sent' : 'no certificate sent')
  chain.forEach(({ subject, issuer, names, notAfter }, depth) => {
    const what = depth === 0 ? 'Certificate' : depth === chain.length - 1 ? 'Anchor' : 'Issuer'
    row(
      what,
      `${subject}${depth === chain.length - 1 ? '' : `, signed by ${issuer}`}, until ${notAfter.slice(0, 10)}`,
    )
    if (depth === 0 && names.length > 0) row('', `for ${names.join(', ')}`)
  })
  row('Checked', checks.join(' · '))
  const phases = Object.entries(inTenths({ ...info.timings })).map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
  row(
    'Timings',
    `${phases.join(' · ')} ms, ${info.connections} ${info.connections === 1 ? 'connection' : 'connections'}`,
  )
  tellKeylog(keylog, output)
  return 0
}

/** Fails where the server ends the tunnel by itself. */
async function refusal({ readable, info }: TunnelSocket<TunnelInfo>, signal: AbortSignal): Promise<void> {
  const reader = readable.getReader()
  const enough = new AbortController()
  const pause = setTimeout(lateRefusal(info.timings.tcp ?? 0), undefined, {
    signal: AbortSignal.any([signal, enough.signal]),
  })
  try {
    await Promise.race([reader.read(), pause.catch(() => {})])
  } finally {
    enough.abort()
    reader.releaseLock()
  }
  if (signal.aborted) throw failure('ERR_ABORTED', undefined, { cause: signal.reason })
}

function describeTls(tls: ReturnType<typeof tlsFacts>): string {
  const { version, suite, group, alpn, serverName, verified } = tls
  const names = [
    alpn === undefined ? 'no ALPN' : `ALPN ${alpn}`,
    ...(serverName === undefined ? [] : [`SNI ${serverName}`]),
  ]
  return `${version} ${suite} ${group}, ${names.join(', ')}${verified ? '' : ', NOT verified'}`
}

function tellKeylog(path: string | undefined, { say, style }: Output): void {
  if (path !== undefined)
    say(style.yellow(`${path} holds this tunnel's secrets: whoever has it can read what was captured.`))
}

function isFinished(event: TimedTraceEvent['event']): boolean {
  return event.type === 'message' && event.name === 'finished'
}

function checksOf(events: readonly TimedTraceEvent[]): string[] {
  return [
    ...new Set(
      events.flatMap(({ layer, event }) =>
        event.type === 'check' ? [`${layer.replace(/^\d+:/, '')} ${event.name}`] : [],
      ),
    ),
  ]
}

/** An event without its bytes. */
function plain({ at, layer, event }: TimedTraceEvent): object[] {
  const base = { at: tenths(at), layer, type: event.type }
  switch (event.type) {
    case 'message':
      return [{ ...base, direction: event.direction, what: `${event.name} (${event.bytes.length} B)` }]
    case 'http':
      return [{ ...base, direction: event.direction, what: event.head.split('\r\n', 1)[0] }]
    case 'alert':
      return [{ ...base, direction: event.direction, what: event.alert }]
    case 'check':
    case 'step':
      return [{ ...base, what: event.name }]
    case 'state':
      return [{ ...base, what: event.state }]
    default:
      return []
  }
}
