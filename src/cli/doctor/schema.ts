// The JSON Schema of `doctor --json`.
import { certificateFactsSchema, tlsFactsSchema } from '../certificate-facts.js'
import { flag, listOf, milliseconds, oneOf, record, report, type Schema, text, texts } from '../schemas.js'

const httpStatus: Schema = { type: 'integer', minimum: 100, maximum: 999 }
const code: Schema = { type: 'string', pattern: '^ERR_[A-Z0-9_]+$' }
const said = { status: oneOf('ok', 'warn', 'fail', 'skipped'), summary: text }
const told = { code, evidence: texts, ms: milliseconds }
const verdict = oneOf('direct', 'upgrade', 'none')

const probe = record(
  {
    ...said,
    offered: texts,
    outcome: oneOf('selected', 'unselected', 'unoffered', 'refused', 'cut', 'failed'),
  },
  { ...told, alpn: text },
)

export const doctorSchema: Schema = report(
  'doctor',
  1,
  {
    ok: flag,
    origin: text,
    verdict,
    exitStatus: { type: 'integer', minimum: 0, maximum: 255 },
    dns: record({ ...said, addresses: texts }, told),
    proxy: record(said, told),
    tcp: record(said, told),
    outerTls: record(
      {
        ...said,
        probes: listOf(probe),
        chain: listOf(certificateFactsSchema),
        endedBy: oneOf('server', 'load-balancer', 'inspection', 'unknown'),
      },
      { ...told, tls: tlsFactsSchema },
    ),
    ping: record(said, { ...told, httpStatus, server: text }),
    upgrades: listOf(
      record(
        { ...said, upgrade: oneOf('websocket', 'alpn-ping', 'alpn') },
        { ...told, subprotocol: oneOf('alpn-ping', 'alpn'), httpStatus },
      ),
    ),
    innerTls: listOf(record({ ...said, alpn: text, over: text }, { ...told, tls: tlsFactsSchema })),
    idle: listOf(record({ ...said, pings: flag }, { ...told, cutAfter: milliseconds })),
    vendors: listOf(
      record({
        vendor: text,
        name: text,
        role: oneOf('tls', 'http', 'server'),
        certainty: oneOf('certain', 'likely', 'possible'),
        evidence: texts,
      }),
    ),
    advice: listOf(record({ title: text, why: text }, { config: record({ where: text, lines: texts }) })),
  },
  { code },
)
