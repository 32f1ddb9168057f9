// `underpass doctor`: everything between here and the server, layer by layer, and what would mend it.
import type { Call, Command } from '../command.js'
import { dialerOptions, dialOptions, originOf } from '../dial-options.js'
import { doctorSchema } from '../doctor/schema.js'

/** It tries every mode, and pings by itself. */
const without: ReadonlySet<string> = new Set(['mode', 'idle-timeout', 'ping-interval'])

export const doctor: Command = {
  name: 'doctor',
  summary: 'what stands on the way to an origin, layer by layer, and what would mend it',
  usage: 'underpass doctor [options] <origin>',
  details: `
Examines DNS, the proxy on the way out, TCP, the outer TLS with three hellos (the application's protocols;
http/1.1; none) and who signed it, /webapi/ping, four ways to ask for the upgrade, and the inner TLS for
each --alpn. Then it guesses who stands on the way, with its evidence, and prints the configuration lines
that would help. The report is on stdout, progress on stderr.

It opens some fifteen connections; one request is broken on purpose and one is plain HTTP on the TLS port,
because their answers tell who stands there. Custom headers go to a verified endpoint only; the client
certificate goes to a verified inner server only. Without --trust the inner server is looked at and not
verified.

Exit status: 0 a tunnel can be had; otherwise that of the first fault (3 network, 4 upgrade refused,
5 certificate, 6 TLS peer, 7 time limit).`,
  options: [
    {
      flag: 'idle',
      value: 'DURATION',
      describe:
        'also leave two tunnels alone for so long, one with pings and one without, to find the idle limit',
    },
    ...dialOptions.filter(({ flag }) => !without.has(flag)),
  ],
  examples: [
    { line: 'underpass doctor proxy.example.com', does: 'the report, knowing nothing but the address' },
    {
      line: 'underpass doctor --tsh --alpn teleport-postgres --idle 70s --json https://proxy.example.com',
      does: 'as an existing login sees it, with the idle limit, for a program',
    },
  ],
  schema: doctorSchema,
  run,
}

async function run({ operands, settings, output, json, signal }: Call): Promise<number> {
  const idle = settings.duration('idle')
  const options = await dialerOptions(
    settings,
    operands[0] === undefined ? undefined : originOf(operands[0]),
    'looking',
  )
  const [{ nodePlatform }, { reachOf }, { examine }] = await Promise.all([
    import('../../platform/node/index.js'),
    import('../doctor/reach.js'),
    import('../doctor/examine.js'),
  ])
  const { outbound } = options
  const platform = nodePlatform({
    secure: !String(options.origin).startsWith('http:'),
    ...(outbound !== undefined && { outbound }),
  })
  const reach = await reachOf(options, platform, signal)
  const report = await examine(reach, { idle, output })
  if (json) output.json(report)
  else {
    const { reportLines } = await import('../doctor/report.js')
    output.say('')
    for (const line of reportLines(report, output.dataStyle)) output.data(line)
  }
  return report.exitStatus
}
