// `underpass detect`: does this origin need the connection upgrade? One handshake answers, as a rule.

import { tlsFacts, tlsFactsSchema } from '../certificate-facts.js'
import type { Call, Command } from '../command.js'
import { optionsNamed, originOf, originOptions, outerOptions, presetOf, probeTrust } from '../dial-options.js'
import { count, oneOf, report, text, texts, timings } from '../schemas.js'
import { inTenths } from '../tenths.js'

export const detect: Command = {
  name: 'detect',
  summary: 'whether an origin needs the connection upgrade, and how that shows',
  usage: 'underpass detect [options] <origin>',
  details: `
Opens a connection that offers the application's real protocol names, says what the handshake told, and
closes it again. The verdict is on stdout: \`upgrade\` (something on the way ends TLS) or \`direct\` (the
server itself was reached). The reasons are on stderr.

Exit status: 0 the verdict is \`upgrade\`; 1 it is \`direct\`, no upgrade is needed; otherwise nothing was
found out, and the status says why.`,
  options: [...optionsNamed('alpn', 'preset', 'server-name', 'trust', 'trust-system'), ...originOptions],
  examples: [
    { line: 'underpass detect proxy.example.com', does: 'the verdict and its reasons' },
    {
      line: 'underpass detect --json --alpn teleport-postgres https://proxy.example.com:3080',
      does: 'the same as one object, offering the protocol of an application',
    },
  ],
  schema: report(
    'detect',
    1,
    {
      ok: { const: true },
      origin: text,
      verdict: oneOf('direct', 'upgrade'),
      evidence: texts,
      connections: count,
      roundTrips: count,
      timings,
    },
    { outerTls: tlsFactsSchema },
  ),
  run,
}

async function run({ operands, settings, output, json, signal }: Call): Promise<number> {
  const { createDialer } = await import('../../platform/node/index.js')
  const origin = originOf(operands[0])
  const preset = await presetOf(settings, { cluster: undefined, host: undefined })
  const alpn = settings.list('alpn')
  const serverName = settings.text('server-name') ?? preset?.serverName
  const dialer = createDialer({
    ...(await outerOptions(settings, origin)),
    trust: await probeTrust(settings),
    alpn: alpn.length > 0 ? alpn : (preset?.alpn ?? []),
    ...(serverName !== undefined && { serverName }),
  })
  const done = output.progress(`detect ${origin}`)
  try {
    const found = await dialer.detect({ signal })
    done(`${found.roundTrips} round trips, ${connections(found.connections)}`)
    if (json) {
      output.json({
        schema: 'underpass/detect/1',
        ok: true,
        origin,
        verdict: found.verdict,
        evidence: found.evidence,
        connections: found.connections,
        roundTrips: found.roundTrips,
        timings: inTenths({ ...found.timings }),
        ...(found.outerTls && { outerTls: tlsFacts(found.outerTls) }),
      })
    } else {
      for (const line of found.evidence) output.say(`  ${line}`)
      if (found.outerTls !== undefined) {
        const { certificate, version } = tlsFacts(found.outerTls)
        output.say(
          `  outer TLS: ${version}, certificate of ${certificate.subject}, signed by ${certificate.issuer}`,
        )
      }
      output.data(found.verdict)
    }
    return found.verdict === 'upgrade' ? 0 : 1
  } finally {
    await dialer.close()
  }
}

function connections(count: number): string {
  return count === 1 ? '1 connection' : `${count} connections`
}
