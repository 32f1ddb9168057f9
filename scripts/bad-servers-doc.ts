// Renders the table of bad servers in docs/hardening.md from the cases of test/adversarial themselves: what a server does, the
// alert it gets, the code the user sees.
import {
  afterFaults,
  flightFaults,
  helloFaults,
  lastFaults,
  resumptionFaults,
} from '../test/adversarial/faults12.js'
import {
  certificateFaults,
  encryptedFaults,
  retryFaults,
  serverHelloFaults,
} from '../test/adversarial/handshake-faults.js'
import { openFaults, plainFaults, protectedFaults } from '../test/adversarial/record-faults.js'
import { between, code, table } from './fault-table.js'

interface Row {
  readonly what: string
  readonly alert: string | undefined
  readonly code: string
}

const begin = '<!-- bad servers: written by `npm run docs` -->'
const end = '<!-- end of bad servers -->'

const sections: ReadonlyArray<readonly [title: string, rows: readonly Row[]]> = [
  ['TLS 1.3: a ServerHello with …', serverHelloFaults],
  ['TLS 1.3: a HelloRetryRequest …', retryFaults],
  ['TLS 1.3: after ServerHello', encryptedFaults],
  ['TLS 1.3: certificates', certificateFaults],
  ['TLS 1.3: records before ServerHello', plainFaults],
  ['TLS 1.3: records under handshake keys', protectedFaults],
  ['TLS 1.3: records and messages once open', openFaults],
  ['TLS 1.2: a ServerHello with …', helloFaults],
  ["TLS 1.2: the server's flight, with …", flightFaults],
  ["TLS 1.2: the server's last word, with …", lastFaults],
  [
    'TLS 1.2: a resumed session',
    resumptionFaults.map(([what, , { code, alert }]) => ({ what, code, alert })),
  ],
  ['TLS 1.2: once open', afterFaults.map(([what, , code, alert]) => ({ what, code, alert }))],
]

/** The document with its table as the cases say it. */
export function badServers(document: string): string {
  return between(document, begin, end, tables())
}

function tables(): string {
  const count = sections.reduce((sum, [, rows]) => sum + rows.length, 0)
  const heads = ['What the server does', 'Alert it gets', 'Code the user sees']
  const parts = sections.map(([title, rows]) =>
    table(
      title,
      heads,
      rows.map((row) => [row.what, row.alert ?? '—', code(row.code)]),
    ),
  )
  return [`${count} cases. No alert (—) answers an alert.`, ...parts].join('\n\n')
}
